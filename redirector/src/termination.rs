//! Tekton's termination message: where the reason of a failure becomes visible in a TaskRun.
//!
//! Tekton's entrypoint merges a JSON array that it finds there into its own (`pkg/termination/write.go`): the key
//! `Reason` becomes the step's `terminationReason`, others are shown in its message.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{cut, one_line};

/// What the kubelet keeps of one container's message.
const MESSAGE_MAX: usize = 4096;
/// The longest file that is read; a longer one stays as it is.
const READ_MAX: u64 = 256 << 10;
/// Most of it that a sentence may take: Tekton's own entries and results share the rest.
const SENTENCE_MAX: usize = 1024;
/// What goes around the sentence.
const ENTRY: &str = r#",{"key":"Gleaner","value":""}"#;
/// Tekton's type of an entry that it interprets itself (`InternalTektonResultType`).
const INTERNAL: u8 = 3;

/// Writes a reason and a message to the file at `path`, if there is one; that it cannot is no further failure.
pub(crate) fn write(path: &Path, reason: &str, message: &str) {
    let _ = merge(path, reason, message);
}

fn merge(path: &Path, reason: &str, message: &str) -> io::Result<()> {
    // Only one that is there, made by the kubelet: elsewhere nobody would look at it.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    if file.metadata()?.len() > READ_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut before = String::new();
    (&mut file).take(READ_MAX).read_to_string(&mut before)?;
    let message = merged(&before, reason, message);
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    // In place, not by renaming: it is a mount.
    file.write_all(message.as_bytes())
}

/// What was there with the failure's entries behind it. What is no array goes: Tekton would overwrite it as well.
fn merged(before: &str, reason: &str, message: &str) -> String {
    let mut entries = serde_json::from_str::<Vec<Value>>(before).unwrap_or_default();
    entries.push(json!({"key": "Reason", "value": reason, "type": INTERNAL}));
    let taken = Value::from(entries.clone()).to_string().len() + ENTRY.len();
    // A quote takes two bytes in JSON, and worse does not occur on one line.
    let room = MESSAGE_MAX.saturating_sub(taken) / 2;
    let sentence = one_line(message);
    let sentence = cut(&sentence, SENTENCE_MAX.min(room));
    if !sentence.is_empty() {
        entries.push(json!({"key": "Gleaner", "value": sentence}));
    }
    Value::from(entries).to_string()
}

#[cfg(test)]
mod tests;

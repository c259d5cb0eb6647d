//! Writes a failure to the termination message file, so that the TaskRun shows the reason.
//!
//! Tekton's entrypoint merges the JSON array in this file with its own entries (`pkg/termination/write.go`). The value of the key
//! `Reason` becomes the step's `terminationReason`, and the other entries are shown in the step's termination message.

use gleaner_proto::redirector::MESSAGE_KEY;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use gleaner_termination::{CONTAINER_MAX, Entry, EntryType, cut_escaped};

use crate::failure::one_line;
use crate::options::Common;

/// The maximum size of an existing file, in bytes. A larger file is not changed.
const READ_MAX: u64 = 256 << 10;
/// The maximum length of Gleaner's message, in bytes. The rest of the termination message is reserved for Tekton's own entries
/// and results.
const MESSAGE_MAX: usize = 1024;

/// The approximate size of the entry that contains the reason, in bytes.
const REASON: usize = 80;

/// Writes a reason and a message to the step's termination message, if the message's file exists. Errors are ignored.
pub(crate) fn write(options: &Common, reason: &str, message: &str) {
    let (room, taken) = match options.measure().room() {
        Some((room, taken)) if taken + REASON <= room => (room, taken),
        // The results leave no space for the failure, so the kubelet will truncate the termination message. Write the failure
        // anyway, because users see the beginning of the message.
        Some((_, taken)) => (CONTAINER_MAX, taken),
        None => (CONTAINER_MAX, 0),
    };
    let _ = merge(
        &options.termination_message,
        reason,
        message,
        room.saturating_sub(taken),
    );
}

fn merge(path: &Path, reason: &str, message: &str, room: usize) -> io::Result<()> {
    // No new file is created, because the kubelet reads only the file that it has created.
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
    let message = merged(&before, reason, message, room);
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    // Write the file in place, because it is a mount and cannot be replaced by a rename.
    file.write_all(message.as_bytes())
}

/// Returns the existing entries followed by the entries for the failure, limited to `room` bytes. Existing content that is not an
/// array is dropped, because Tekton would overwrite it too.
pub(crate) fn merged(before: &str, reason: &str, message: &str, room: usize) -> String {
    let mut entries = serde_json::from_str::<Vec<Value>>(before).unwrap_or_default();
    let reason = Entry {
        key: "Reason",
        value: reason,
        kind: EntryType::Internal,
    };
    entries.push(reason.to_json());
    let sentence = |text: &str| json!({"key": MESSAGE_KEY, "value": text});
    let frame = sentence("").to_string().len() + ",".len();
    let taken = Value::from(entries.clone()).to_string().len() + frame;
    let line = one_line(message);
    let line = cut_escaped(&line, MESSAGE_MAX.min(room.saturating_sub(taken)));
    if !line.is_empty() {
        entries.push(sentence(line));
    }
    Value::from(entries).to_string()
}

#[cfg(test)]
mod tests;

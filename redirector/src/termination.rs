//! Tekton's termination message, which makes the reason of a failure visible in the TaskRun.
//!
//! Tekton's entrypoint merges a JSON array in this file into its own (`pkg/termination/write.go`): the key
//! `Reason` becomes the step's `terminationReason`, others are shown in its message.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use gleaner_termination::{CONTAINER_MAX, Entry, EntryType, cut_escaped};

use crate::failure::one_line;
use crate::options::Common;

/// The maximum size of a file that is read, in bytes; a larger file is left unchanged.
const READ_MAX: u64 = 256 << 10;
/// The maximum length of Gleaner's message, in bytes: the rest of the room is for Tekton's own entries and results.
const MESSAGE_MAX: usize = 1024;

/// The approximate size of the entry with the reason, in bytes.
const REASON: usize = 80;

/// Writes a reason and a message to the step's termination message, if the file exists. An error here is ignored.
pub(crate) fn write(options: &Common, reason: &str, message: &str) {
    let (room, taken) = match options.measure().room() {
        Some((room, taken)) if taken + REASON <= room => (room, taken),
        // The kubelet cuts the message anyway, and users see the beginning.
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
    // The kubelet creates the file and reads only that one, so no new file is created.
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
    // The file is written in place: it is a mount, which cannot be replaced by renaming.
    file.write_all(message.as_bytes())
}

/// Returns the existing entries followed by the failure's entries, within `room` bytes. Content that is not an array is
/// dropped, as Tekton would overwrite it too.
pub(crate) fn merged(before: &str, reason: &str, message: &str, room: usize) -> String {
    let mut entries = serde_json::from_str::<Vec<Value>>(before).unwrap_or_default();
    let reason = Entry {
        key: "Reason",
        value: reason,
        kind: EntryType::Internal,
    };
    entries.push(reason.to_json());
    let sentence = |text: &str| json!({"key": "Gleaner", "value": text});
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

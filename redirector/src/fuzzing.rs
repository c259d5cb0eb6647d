//! Functions through which fuzz targets call private modules. They exist only in builds with `--cfg fuzzing`,
//! which `scripts/fuzz` sets.

use std::ffi::OsString;
use std::fs::File;

use gleaner_proto::{OutputType, Trim};

use crate::content::Content;
use crate::validator::Validator;
use crate::{options, script as preamble, termination};

/// Converts the first `size` bytes of an output's file to JSON. Returns `None` if the content is refused.
pub fn output(file: File, size: u64, trim: Trim, kind: OutputType) -> Option<Vec<u8>> {
    let content = Content::check(file, size, trim, kind).ok()?;
    let mut json = Vec::new();
    let written = content.write_to(&mut json);
    written.expect("invariant: the file does not change");
    assert_eq!(json.len() as u64, content.length());
    Some(json)
}

/// Returns true if the validator accepts `text` as JSON when the text is read in pieces of `size` bytes.
pub fn is_json(text: &[u8], size: usize) -> bool {
    let mut validator = Validator::new();
    let fed = text
        .chunks(size)
        .try_for_each(|piece| validator.feed(piece));
    fed.is_ok() && validator.finish().is_ok()
}

/// Returns the termination message after a failure. `before` is the message's previous content.
pub fn termination_message(before: &str, reason: &str, message: &str, room: usize) -> String {
    termination::merged(before, reason, message, room)
}

/// Returns the flags in the second line of a script, and the original script.
pub fn script(content: &[u8]) -> Option<(Vec<String>, &[u8])> {
    preamble::split(content)
}

/// Parses a command line.
///
/// # Errors
/// Returns the message about an invalid command line.
pub fn command_line(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    options::parse(arguments, |_| None)
        .map(drop)
        .map_err(|failure| failure.message)
}

//! Checks that the redirector parses or rejects any script and any command line without a panic, and that each rejected command
//! line has an error message.
#![no_main]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use gleaner_redirector::fuzzing::{command_line, script};

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let command = ["--", "true"].map(OsString::from);
    if let Some((flags, rest)) = script(content) {
        assert!(content.ends_with(rest));
        let flags = flags.into_iter().map(OsString::from);
        parsed(flags.chain(command.clone()));
    }
    // Arguments may contain any bytes except 0.
    let arguments = content.split(|&byte| byte == 0).map(OsStr::from_bytes);
    parsed(arguments.map(OsString::from).chain(command));
});

fn parsed(arguments: impl Iterator<Item = OsString>) {
    if let Err(message) = command_line(arguments) {
        assert!(!message.is_empty());
    }
}

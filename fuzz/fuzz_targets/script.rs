//! Checks that any file is a script with flags or rejected, and that any flags are a command line or rejected with a message.
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
    // An argument need not be text.
    let arguments = content.split(|&byte| byte == 0).map(OsStr::from_bytes);
    parsed(arguments.map(OsString::from).chain(command));
});

fn parsed(arguments: impl Iterator<Item = OsString>) {
    if let Err(message) = command_line(arguments) {
        assert!(!message.is_empty());
    }
}

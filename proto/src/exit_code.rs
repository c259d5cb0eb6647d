//! Exit codes of Gleaner's own failures, after BSD's `sysexits.h`.
//!
//! A wrapped command's own code always passes through unchanged; these appear only when Gleaner itself
//! is the reason that a step failed, so that `kubectl describe` shows which kind of trouble it was.

/// The command line of a Gleaner binary cannot be understood (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// An output is missing, too large, no valid value of its type, or refused by its declaration (`EX_DATAERR`).
pub const OUTPUT: u8 = 65;
/// A file that was named cannot be read, or there is nothing in any of them (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// The sidecar was out of reach until the deadline (`EX_UNAVAILABLE`).
pub const UNREACHABLE: u8 = 69;
/// The resources could not be created (`EX_CANTCREAT`).
pub const NOT_CREATED: u8 = 73;
/// Standard output could not be written to (`EX_IOERR`).
pub const IO: u8 = 74;
/// The declaration is wrong (`EX_CONFIG`).
pub const DECLARATION: u8 = 78;
/// The wrapped command exists but cannot be run (the shell's convention).
pub const NOT_EXECUTABLE: u8 = 126;
/// The wrapped command is not there (the shell's convention).
pub const NOT_FOUND: u8 = 127;

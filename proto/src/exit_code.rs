//! Exit codes for Gleaner's own failures, most of them from BSD's `sysexits.h`.
//!
//! The exit code of a step's command is always passed through unchanged. Gleaner uses these codes only for its own failures, so
//! that `kubectl describe` shows the kind of failure.

/// The command line of a Gleaner program is invalid (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// An output is missing, too large, not a valid value of its type, or rejected by its declaration (`EX_DATAERR`).
pub const OUTPUT: u8 = 65;
/// A file given by the user cannot be read, or the files contain no documents (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// The sidecar could not be reached before the deadline (`EX_UNAVAILABLE`).
pub const UNREACHABLE: u8 = 69;
/// The resources could not be created (`EX_CANTCREAT`).
pub const NOT_CREATED: u8 = 73;
/// Standard output could not be written (`EX_IOERR`).
pub const IO: u8 = 74;
/// The declaration is invalid (`EX_CONFIG`).
pub const DECLARATION: u8 = 78;
/// The step's command exists but cannot be run (the shell's convention).
pub const NOT_EXECUTABLE: u8 = 126;
/// The step's command was not found (the shell's convention).
pub const NOT_FOUND: u8 = 127;

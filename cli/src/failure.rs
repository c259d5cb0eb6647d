//! An error that terminates a command.

use std::fmt::Display;

use gleaner_proto::exit_code;
use gleaner_runtime::program;

use crate::terminal;

/// An exit code, and the message to print.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Returns a failure caused by an error in the command line.
    pub(crate) fn usage(message: impl Display) -> Self {
        let (code, message) = (exit_code::USAGE, message.to_string());
        Self { code, message }
    }

    /// Returns a failure for an object that does not exist. The exit code is 1, as for findings.
    pub(crate) fn not_found(message: impl Display) -> Self {
        let (code, message) = (1, message.to_string());
        Self { code, message }
    }

    /// Returns a failure whose cause is this machine, the sidecar or the cluster.
    pub(crate) fn unreachable(message: impl Display) -> Self {
        let (code, message) = (exit_code::UNREACHABLE, message.to_string());
        Self { code, message }
    }

    /// Returns a failure to write to standard output.
    pub(crate) fn unwritable(error: impl Display) -> Self {
        let message = format!("{}: {error}", program::UNWRITABLE);
        let code = exit_code::IO;
        Self { code, message }
    }

    /// Prints the message to standard error and returns the exit code.
    pub(crate) fn print(self) -> u8 {
        terminal::error(self.message);
        self.code
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::unreachable(format_args!(
            "the operating system returned an error: {error}"
        ))
    }
}

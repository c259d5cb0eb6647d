//! Parses the command line and reports its errors.

#[cfg(unix)]
mod long_running;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use gleaner_proto::exit_code;

#[cfg(unix)]
pub use long_running::{Failure, run};

/// The error message for a failed write to standard output, without the cause.
pub const UNWRITABLE: &str = "cannot write to standard output";

/// Parses a command line, which begins with the program's name.
///
/// # Errors
/// The exit code, if the command line is invalid or requests help or the version. In these cases, the error message, the help or
/// the version has already been printed.
pub fn parse<C: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<C, ExitCode> {
    C::try_parse_from(args).map_err(|error| print(&error))
}

/// Prints the error in a command line, or the requested help or version, and returns the exit code.
#[must_use = "the program ends with this exit code"]
pub fn print(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| io::stdout().flush());
    if error.use_stderr() {
        return ExitCode::from(exit_code::USAGE);
    }
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // If standard error cannot be written either, the exit code still reports the error.
            let _ = writeln!(io::stderr(), "error: {UNWRITABLE}: {error}");
            ExitCode::from(exit_code::IO)
        }
        // A closed pipe is not an error, because the reader has read all that it needs.
        _ => ExitCode::SUCCESS,
    }
}

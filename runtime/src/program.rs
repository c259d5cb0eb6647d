//! From the command line to the exit code.

use std::error::Error;
use std::ffi::OsString;
use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use gleaner_proto::exit_code;

use crate::log::Log;
use crate::{Shutdown, error_chain, panics};

/// An error that ends a program.
pub trait Failure: Error + 'static {
    /// Returns the exit code for this kind of error.
    fn exit_code(&self) -> u8;
}

/// An error before a program could start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot install a signal handler")]
    Signals(#[source] io::Error),
}

/// The message about standard output that cannot be written, without its cause.
pub const UNWRITABLE: &str = "cannot write to standard output";

/// Parses a command line, the program's name first.
///
/// # Errors
/// The exit code if the command line is wrong, or requests help or the version. The message, help or version has been
/// printed.
pub fn parse<C: Parser>(args: impl IntoIterator<Item = OsString>) -> Result<C, ExitCode> {
    C::try_parse_from(args).map_err(|error| print(&error))
}

/// Prints the error of a command line, or the help or version that it requests, and returns the exit code.
#[must_use = "the program ends with this exit code"]
pub fn print(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| io::stdout().flush());
    if error.use_stderr() {
        return ExitCode::from(exit_code::USAGE);
    }
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Without standard error, the exit code still reports it.
            let _ = writeln!(io::stderr(), "error: {UNWRITABLE}: {error}");
            ExitCode::from(exit_code::IO)
        }
        // A closed pipe is the reader's choice.
        _ => ExitCode::SUCCESS,
    }
}

/// Runs a program on this thread until it is done, and returns its exit code. SIGTERM and SIGINT request its shutdown.
#[must_use = "the program ends with this exit code"]
pub fn run<P, E>(log: &Log, program: impl FnOnce(Shutdown) -> P) -> ExitCode
where
    P: Future<Output = Result<(), E>>,
    E: Failure,
{
    log.start();
    panics::install();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime.map_err(StartError::Runtime).and_then(|runtime| {
        runtime.block_on(async {
            // Before anything else: a signal during the set-up must not kill.
            let shutdown = Shutdown::on_signals().map_err(StartError::Signals)?;
            Ok(program(shutdown).await)
        })
    });
    match done {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tracing::error!(error = error_chain(&error), "ended");
            ExitCode::from(error.exit_code())
        }
        Err(error) => {
            tracing::error!(error = error_chain(&error), "ended");
            ExitCode::FAILURE
        }
    }
}

//! A program that runs until its work is complete, or until a signal requests its shutdown.

use std::error::Error;
use std::future::Future;
use std::io;
use std::process::ExitCode;

use crate::log::Log;
use crate::{Shutdown, error_chain, panics};

/// An error with which a program terminates.
pub trait Failure: Error + 'static {
    /// Returns the exit code for this kind of error.
    fn exit_code(&self) -> u8;
}

/// An error that prevents a program from starting.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot install a signal handler")]
    Signals(#[source] io::Error),
}

/// Runs a program to completion on this thread, and returns the program's exit code. SIGTERM and SIGINT request a shutdown.
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
            // Install the handlers first, because a signal during the setup must not kill the process.
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

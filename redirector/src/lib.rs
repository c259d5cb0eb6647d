//! Runs a step's command, posts its outputs to the sidecar, and exits with the command's exit code.
//!
//! ```text
//! gleaner-redirector --step kaniko --output digest=/workspace/digest -- /kaniko/executor --destination=...
//! gleaner-redirector finish
//! ```
//!
//! The first form is transparent: the command has the same stdin, stdout, stderr, environment (plus `GLEANER_OUTPUTS`), working
//! directory, process group and signals as without the redirector. The second form finishes a run in a separate step. The modules
//! are listed in the order in which a step uses them:
//!
//! | module | purpose |
//! | --- | --- |
//! | `options` | parses and checks the command line and the environment |
//! | `script` | unpacks a script whose interpreter is the redirector |
//! | `wrap`, `finish` | the two forms: run a command, and finish a run |
//! | `directory` | the directory `$GLEANER_OUTPUTS` |
//! | `command` | finds and runs the command, and waits until it exits |
//! | `outputs` | reads the declared files, which must be regular files |
//! | `content`, `validator` | check and stream the content of a file with little memory |
//! | `json`, `body` | stream the body of the request from the files |
//! | `sidecar`, `retry` | repeat a request until the sidecar responds, or has been unreachable for too long |
//! | `exchange`, [`answer`] | perform one HTTP exchange, and parse its response |
//! | `outcome` | parses the outcome of the run while it arrives |
//! | `results` | writes the results for later tasks |
//! | `own_results` | measures the results that Tekton writes to the step's termination message |
//! | `failure` | Gleaner's own failures, with their messages, exit codes and names |
//! | `report`, `termination` | report failures on stderr or in a file, by the exit code, and in Tekton's termination message |
//! | `sys` | system calls; the only module with `unsafe` code |
//!
//! The redirector uses no threads and no async runtime. It does not resolve host names, because a static glibc cannot.

#![allow(
    missing_docs,
    reason = "a program, not a library: only unclear names need docs"
)]

pub mod answer;
mod body;
mod command;
mod content;
mod directory;
mod exchange;
mod failure;
mod finish;
#[cfg(fuzzing)]
pub mod fuzzing;
mod help;
#[cfg(test)]
mod injected_tests;
mod json;
mod options;
mod outcome;
mod outputs;
mod own_results;
mod report;
mod results;
mod retry;
mod script;
mod sidecar;
mod sys;
mod termination;
mod validator;
mod wrap;

use std::ffi::OsString;
use std::io::Write as _;

use options::Invocation;

/// How the redirector process must terminate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "call `leave` to terminate the process in this way"]
pub enum Exit {
    /// Exit with this code.
    Code(u8),
    /// Terminate with this signal, which killed the command.
    Signal(i32),
}

impl Exit {
    /// Terminates the process with this exit code or signal.
    pub fn leave(self) -> ! {
        // The redirector's second process (`sys/witness.rs`) was killed when the command exited. Reap it here, because
        // otherwise it would remain a zombie if PID 1 does not reap orphans.
        while sys::reap().is_some() {}
        match self {
            Self::Code(code) => std::process::exit(code.into()),
            Self::Signal(signal) => sys::die_of(signal),
        }
    }
}

/// Returns true if this process was started with a closed standard output. The Rust runtime replaces a closed standard output
/// with `/dev/null`, so writing to it does not fail.
pub fn is_standard_output_closed() -> bool {
    sys::is_standard_output_closed()
}

/// Runs the redirector with these arguments (without the program's name), and terminates the process with the exit code or signal
/// that [`run`] returns.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ! {
    run(arguments).leave()
}

/// Runs the redirector with these arguments (without the program's name), and returns how the process must terminate.
///
/// This function is for ordinary Rust programs that contain the redirector as a subcommand. The Rust runtime ignores SIGPIPE, so
/// this function restores the default action for the command. The process must have no other threads, because this function
/// changes the signal mask and reaps all children. The calling thread must not exit before the command, because the kernel would
/// then kill the command.
pub fn run(arguments: impl Iterator<Item = OsString>) -> Exit {
    sys::ignore_broken_pipes(sys::Before::Runtime);
    start(arguments)
}

/// Like [`main`], but for a program that starts without the Rust runtime. The command inherits the SIGPIPE action that this
/// process inherited.
pub fn main_without_runtime(arguments: impl Iterator<Item = OsString>) -> ! {
    sys::ignore_broken_pipes(sys::Before::Inherited);
    start(arguments).leave()
}

fn start(arguments: impl Iterator<Item = OsString>) -> Exit {
    sys::end_on_signals_as_init();
    sys::deny_core_dumps();
    let unpacked = match script::unpack(arguments) {
        Ok(unpacked) => unpacked,
        Err(failure) => {
            return report::failed_without_step(&failure);
        }
    };
    let arguments = unpacked.arguments.into_iter();
    // Keep the unpacked script until the command has exited.
    let _folder = unpacked.folder;
    match options::parse(arguments, |name| std::env::var_os(name)) {
        Ok(Invocation::Wrap(options)) => wrap::wrap(&options),
        Ok(Invocation::Finish(options)) => finish::as_a_step(&options),
        Ok(Invocation::Print(text)) => {
            // Ignore a write error: if stdout is closed, nobody reads the rest of the output.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Exit::Code(0)
        }
        Err(usage) => report::failed_without_step(&usage),
    }
}

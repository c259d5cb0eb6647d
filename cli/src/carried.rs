//! The internal programs in this binary, so that this one file is all that a local run needs: redirector and sidecar, the two
//! binaries of a pod, and the watcher, which outlives a run that is killed.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::run;

pub(crate) use gleaner_redirector::is_standard_output_closed;

/// Runs the program of this name with its own arguments; none if there is no such program.
pub(crate) fn program(name: &str, arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    match name {
        "redirector" => gleaner_redirector::main(arguments),
        "sidecar" => {
            let named = std::iter::once("gleaner-sidecar".into()).chain(arguments);
            Some(gleaner_sidecar::main(named))
        }
        run::WATCHER => {
            run::watch(arguments);
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

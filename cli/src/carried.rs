//! The internal programs in this binary: the redirector and the sidecar, which are separate binaries in a pod, and the watcher,
//! which cleans up after a killed run. Because this binary contains them, a local run needs no other file.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::run;

pub(crate) use gleaner_redirector::is_standard_output_closed;

/// Runs the internal program `name` with `arguments`; returns `None` if the name is unknown.
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

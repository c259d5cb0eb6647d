//! Builds the command line of a step's redirector.

use std::ffi::OsString;
use std::time::Duration;

use gleaner_proto::redirector as flag;
use gleaner_proto::{OutputSpec, duration};

use super::directory::RunDirectory;

/// Determines whether and when a step's redirector finishes the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    No,
    /// Finishes the run after the command succeeds.
    After,
    /// Finishes the run without running a command.
    Alone,
}

/// The settings for a step's redirector that depend on the step's position and on the declaration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Role {
    pub(crate) finish: Finish,
    /// True if the redirector waits for the sidecar's preflight before it runs the command.
    pub(crate) checks_preflight: bool,
    /// The time limit for the sidecar's response; `None` for the redirector's default.
    pub(crate) answer_timeout: Option<Duration>,
}

/// Returns the arguments that start this program as the redirector of the step `name`.
pub(crate) fn of(
    directory: &RunDirectory,
    name: &str,
    outputs: &[OutputSpec],
    role: Role,
) -> Vec<OsString> {
    let finish = role.finish;
    let mut socket = OsString::from("unix:");
    socket.push(directory.socket(name));
    let mut arguments = vec!["redirector".into()];
    if finish == Finish::Alone {
        arguments.push(flag::FINISH_COMMAND.into());
    }
    // As in a cluster, the redirector must not read its configuration from environment variables, because these are meant for the
    // step's command.
    arguments.push(flag::INJECTED.into());
    arguments.push(flag::STEP.with(name).into());
    for (flag, value) in [
        (flag::SIDECAR, socket),
        (flag::RESULTS_DIR, directory.results().into()),
        (
            flag::TERMINATION_MESSAGE,
            directory.termination(name).into(),
        ),
        (flag::REPORT_FILE, directory.reports(name).into()),
    ] {
        arguments.extend([flag.bare().into(), value]);
    }
    if let Some(timeout) = role.answer_timeout {
        arguments.push(flag::ANSWER_TIMEOUT.with(duration::written(timeout)).into());
    }
    if finish == Finish::Alone {
        return arguments;
    }
    arguments.extend([
        flag::OUTPUTS_DIR.bare().into(),
        directory.outputs(name).into(),
    ]);
    for output in outputs {
        arguments.push(flag::OUTPUT.with(output).into());
    }
    if role.checks_preflight {
        arguments.push(flag::PREFLIGHT.bare().into());
    }
    if finish == Finish::After {
        arguments.push(flag::FINISH.bare().into());
    }
    arguments
}

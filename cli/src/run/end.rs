//! The reasons why a step terminated, and their effects on the task.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::command::Command;

/// The exit code that Tekton's entrypoint returns when a step times out.
const TIMED_OUT: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(u8),
    Signalled(u8),
    /// The step exceeded its own timeout, or the time limit of the task or run.
    TimedOut {
        whole_run: bool,
    },
    Interrupted(u8),
}

impl End {
    pub(crate) fn of(status: ExitStatus) -> Self {
        let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(byte(code)),
            (None, Some(signal)) => Self::Signalled(byte(signal)),
            (None, None) => Self::Exited(u8::MAX),
        }
    }

    /// Returns the exit code as a shell reports it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(signal) | Self::Interrupted(signal) => 128 | signal,
            Self::TimedOut { .. } => TIMED_OUT,
        }
    }

    /// Returns true if the step terminated by itself. `onError: continue` applies only in that case: after a timeout, Tekton
    /// always fails the task.
    pub(crate) const fn is_its_own(self) -> bool {
        matches!(self, Self::Exited(_) | Self::Signalled(_))
    }

    /// Returns the part of a message that follows the step's name. `limit` is the name of the time limit that applies to the
    /// whole task.
    pub(crate) fn describe(self, command: &Command, limit: &str) -> String {
        match (self, command.timeout) {
            (Self::Exited(code), _) => format!("exited with code {code}"),
            (Self::Signalled(signal), _) => format!("was terminated by signal {signal}"),
            (Self::TimedOut { whole_run: false }, Some(timeout)) => {
                format!("exceeded its timeout of {timeout:?} and was terminated")
            }
            (Self::TimedOut { .. }, _) => {
                format!("was terminated because the run exceeded its time limit ({limit})")
            }
            (Self::Interrupted(signal), _) => {
                format!("was terminated because the run received signal {signal}")
            }
        }
    }
}

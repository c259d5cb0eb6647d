//! Gleaner's own failures, as opposed to failures of the command. Each has a message, an exit code, and a name that Tekton shows.

use std::fmt::Display;

use gleaner_proto::exit_code;

/// The maximum length of a line, in bytes. The API server's message may be long, but a log line should be short.
const LINE_MAX: usize = 4 << 10;

/// The name of a refusal for which the sidecar sent no problem document.
const REFUSED: &str = "SidecarRefused";

/// A failure of Gleaner itself, as opposed to a failure of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    /// The cause and the remedy.
    pub(crate) message: String,
    pub(crate) failures: Vec<gleaner_proto::failure::Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Usage,
    /// A script that has the redirector as its interpreter cannot be unpacked.
    ScriptNotRun,
    CommandNotExecutable,
    CommandNotFound,
    /// No directory can be used for outputs.
    OutputsFolder,
    OutputMissing,
    OutputUnreadable,
    /// The file for an output is not a regular file; for example, it is a directory or a device.
    OutputNotRegular,
    OutputTooLarge,
    OutputInvalid,
    /// The sidecar was unreachable for as long as the deadline allows.
    SidecarUnreachable,
    SidecarTimeout,
    /// The sidecar's response cannot be parsed.
    SidecarAnswer,
    /// The sidecar refused the request with this HTTP status, but sent no problem document.
    SidecarRefused(u16),
    /// The sidecar refused the request with a problem document.
    Problem {
        /// The last segment of the problem type in CamelCase, or empty for a type such as `about:blank`.
        name: String,
        exit_code: u8,
    },
    NotCreated,
    ResultsTooLarge,
    /// A result in the sidecar's response has an invalid name.
    ResultName,
    ResultNotWritten,
}

// === impl Reason ===

impl Reason {
    /// Returns the reason for a problem document with this type and exit code. For example, `/problems/not-created`
    /// becomes `NotCreated`.
    pub(crate) fn of_problem(kind: &str, status: u16, exit_code: u8) -> Self {
        let last = kind.rsplit('/').next().unwrap_or_default();
        let words = last
            .split('-')
            .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let name = words.flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters)
        });
        Self::Problem {
            name: name.take(40).collect(),
            // A problem document with exit code 0 is still a failure, so the HTTP status determines the exit code.
            exit_code: match exit_code {
                0 => code_of(status),
                code => code,
            },
        }
    }

    /// Returns the exit code, which is one of [`gleaner_proto::exit_code`].
    pub(crate) fn code(&self) -> u8 {
        self.name_and_code().1
    }

    /// Returns the CamelCase name that Tekton shows as the step's `terminationReason`.
    pub(crate) fn name(&self) -> &str {
        self.name_and_code().0
    }

    fn name_and_code(&self) -> (&str, u8) {
        match self {
            Self::Usage => ("Usage", exit_code::USAGE),
            Self::ScriptNotRun => ("ScriptNotRun", exit_code::NOT_EXECUTABLE),
            Self::CommandNotExecutable => ("CommandNotExecutable", exit_code::NOT_EXECUTABLE),
            Self::CommandNotFound => ("CommandNotFound", exit_code::NOT_FOUND),
            Self::OutputsFolder => ("OutputsFolder", exit_code::OUTPUT),
            Self::OutputMissing => ("OutputMissing", exit_code::OUTPUT),
            Self::OutputUnreadable => ("OutputUnreadable", exit_code::OUTPUT),
            Self::OutputNotRegular => ("OutputNotRegular", exit_code::OUTPUT),
            Self::OutputTooLarge => ("OutputTooLarge", exit_code::OUTPUT),
            Self::OutputInvalid => ("OutputInvalid", exit_code::OUTPUT),
            Self::SidecarUnreachable => ("SidecarUnreachable", exit_code::UNREACHABLE),
            Self::SidecarTimeout => ("SidecarTimeout", exit_code::UNREACHABLE),
            Self::SidecarAnswer => ("SidecarAnswer", exit_code::UNREACHABLE),
            Self::NotCreated => ("NotCreated", exit_code::NOT_CREATED),
            Self::ResultsTooLarge => ("ResultsTooLarge", exit_code::NOT_CREATED),
            Self::ResultName => ("ResultName", exit_code::DECLARATION),
            Self::ResultNotWritten => ("ResultNotWritten", exit_code::NOT_CREATED),
            Self::SidecarRefused(status) => (REFUSED, code_of(*status)),
            Self::Problem { name, exit_code } if name.is_empty() => (REFUSED, *exit_code),
            Self::Problem { name, exit_code } => (name, *exit_code),
        }
    }
}

/// Returns the exit code for an HTTP status.
fn code_of(status: u16) -> u8 {
    match status {
        413 | 422 => exit_code::OUTPUT,
        400..500 => exit_code::DECLARATION,
        _ => exit_code::UNREACHABLE,
    }
}

// === impl Failure ===

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        let message = format!("{message}; see `gleaner-redirector --help`");
        Self::new(Reason::Usage, message)
    }
}

/// Returns `message` on one line. Control characters, which may come from quoted file names or server messages, are replaced by
/// spaces, and a long message is truncated.
pub(crate) fn one_line(message: &str) -> String {
    let message = cut(message.trim(), LINE_MAX);
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        if !character.is_control() {
            line.push(character);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

/// Returns the first `bytes` bytes of `text`, or slightly fewer to avoid splitting a character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;

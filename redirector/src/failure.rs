//! Gleaner's own failures: one line on stderr, one exit code, one reason for Tekton.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;

use gleaner_proto::exit_code;
use gleaner_proto::report::Report;

use crate::Exit;
use crate::options::Common;
use crate::{report_file, termination};

/// Longest line, in bytes: an API server's words may be long, a log line should not be.
const LINE_MAX: usize = 4 << 10;

/// Why Gleaner, and not the command, fails a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One of [`gleaner_proto::exit_code`].
    pub(crate) code: u8,
    /// One word in CamelCase; Tekton shows it as the step's `terminationReason`.
    pub(crate) reason: Cow<'static, str>,
    /// What happened, and what to do.
    pub(crate) message: String,
    /// The causes that the sidecar gave.
    pub(crate) failures: Vec<gleaner_proto::failure::Failure>,
}

// === impl Failure ===

impl Failure {
    pub(crate) fn new(
        code: u8,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        let message = format!("{message}; see 'gleaner-redirector --help'");
        Self::new(exit_code::USAGE, "Usage", message)
    }

    pub(crate) fn output(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(exit_code::OUTPUT, reason, message)
    }

    /// Reports the failure: on stderr or in the report file, to Tekton, and by the exit code.
    pub(crate) fn end(&self, options: &Common) -> Exit {
        let report = Report::Failed {
            reason: self.reason.clone().into_owned(),
            exit_code: self.code,
            message: one_line(&self.message),
            failures: self.failures.clone(),
        };
        tell(options, &report, &self.message);
        termination::write(&options.termination_message, self);
        Exit::Code(self.code)
    }

    /// Prints the line of a failure from before the step's name is known.
    pub(crate) fn report_without_step(&self) {
        print(&format!("gleaner: {}", one_line(&self.message)));
    }
}

/// Reports a message that does not change how the step ends.
pub(crate) fn remark(options: &Common, message: &str) {
    let report = Report::Remark {
        message: one_line(message),
    };
    tell(options, &report, message);
}

fn tell(options: &Common, report: &Report, message: &str) {
    if !report_file::append(options, report) {
        print(&line(options.step.as_str(), message));
    }
}

/// `message` on one line: whatever control characters it holds (it may quote a file name, or a server) become
/// blanks, and beyond a bound it is cut.
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

/// The first `bytes` of `text`, or a little less where that would cut a character.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn line(step: &str, message: &str) -> String {
    format!("gleaner: step '{step}': {}", one_line(message))
}

fn print(line: &str) {
    // One write, so that it stays one line among the command's; a closed stderr is nobody's failure.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line() {
        assert_eq!(one_line("a\r\n  b\u{1b}[31m\n"), "a   b [31m");
        assert_eq!(one_line(&"ä".repeat(4000)).len(), LINE_MAX);
        assert_eq!(cut("aä", 2), "a");
    }
}

//! Colour, on a terminal and nowhere else (`NO_COLOR` and its kin are heeded by `anstream`, which prints).

use anstyle::{AnsiColor, Style};

use gleaner_core::document::{Finding, Severity};

/// What went well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What went wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What needs attention.
pub const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
/// What matters in a line.
pub const STRONG: Style = Style::new().bold();
/// What does not.
pub const FAINT: Style = Style::new().dimmed();

/// `text` in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A finding as a line.
pub fn finding(finding: &Finding) -> String {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => CAUTION,
        Severity::Note => STRONG,
    };
    let severity = paint(style, finding.severity.as_str());
    format!("{}: {severity}: {}", finding.position(), finding.diagnostic)
}

/// Says on standard error that something is wrong.
pub fn error(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {message}", paint(BAD, "error"));
}

/// Says on standard error that something works here, and will not in a cluster.
pub fn warning(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {message}", paint(CAUTION, "warning"));
}

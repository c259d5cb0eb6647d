//! Messages in color, only on a terminal (`anstream`, which prints, honors `NO_COLOR` and similar variables).

use anstyle::{AnsiColor, Style};

use gleaner_core::document::{Finding, Severity};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();

pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

pub(crate) fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Prints findings to standard error, one per line.
pub(crate) fn print_findings<'a>(findings: impl IntoIterator<Item = &'a Finding>) {
    for found in findings {
        anstream::eprintln!("{}", finding(found));
    }
}

pub(crate) fn finding(finding: &Finding) -> String {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => CAUTION,
        Severity::Note => STRONG,
    };
    let severity = paint(style, finding.severity.as_str());
    format!("{}: {severity}: {}", finding.position(), finding.diagnostic)
}

pub(crate) fn error(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {message}", paint(BAD, "error"));
}

/// Warns about something that works here, but not in a cluster.
pub(crate) fn warning(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {message}", paint(CAUTION, "warning"));
}

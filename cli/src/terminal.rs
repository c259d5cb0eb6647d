//! Prints messages. `anstream` removes the colors if the output is not a terminal, or if variables such as `NO_COLOR` disable
//! them.

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
    let (position, diagnostic) = (visible(finding.position()), visible(&finding.diagnostic));
    format!("{position}: {severity}: {diagnostic}")
}

/// Replaces the control characters in `text`, except newlines and tabs, with visible symbols. Without this, a terminal would
/// execute control sequences that a document contains.
pub(crate) fn visible(text: impl std::fmt::Display) -> String {
    let picture = |letter: char| match letter {
        '\n' | '\t' => letter,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(letter)).unwrap_or('\u{2426}'),
        '\u{7f}' => '\u{2421}',
        control if control.is_control() => '\u{2426}',
        other => other,
    };
    text.to_string().chars().map(picture).collect()
}

pub(crate) fn error(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {}", paint(BAD, "error"), visible(message));
}

pub(crate) fn warning(message: impl std::fmt::Display) {
    anstream::eprintln!("{}: {}", paint(CAUTION, "warning"), visible(message));
}

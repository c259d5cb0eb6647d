//! Formats findings as GitHub Actions workflow commands. GitHub shows each finding at its line in the pull request.

use gleaner_core::document::{Finding, Severity};

use crate::terminal::visible;

/// Returns the finding as a workflow command and a newline.
pub(super) fn command(finding: &Finding) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let at = finding.diagnostic.at;
    let at = at.map(|at| format!(",line={},col={}", at.line, at.column));
    format!(
        "::{name} file={}{}::{}\n",
        property(&finding.file),
        at.unwrap_or_default(),
        data(&visible(&finding.diagnostic))
    )
}

/// Escapes a message (`escapeData` in `packages/core/src/command.ts` of `actions/toolkit`).
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property (`escapeProperty` in `packages/core/src/command.ts` of `actions/toolkit`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use gleaner_core::document::diagnostic::Diagnostic;
    use gleaner_core::document::{Location, Place};

    use super::*;

    #[test]
    fn characters_that_would_end_a_workflow_command_are_escaped() {
        let at = Some(Location { line: 3, column: 7 });
        let diagnostic = Diagnostic::new(["a", "b"], at, "50 %: x, y\r\nz").help("%0A");
        let mut finding = Finding::error("a:b,c%\r.yaml", diagnostic);
        assert_eq!(
            command(&finding),
            "::error file=a%3Ab%2Cc%25%0D.yaml,line=3,col=7::a.b: 50 %25: x, y\u{240d}%0Az; %250A\n"
        );
        finding.severity = Severity::Note;
        finding.diagnostic = Diagnostic::new(Place::root(), None, "m");
        assert_eq!(command(&finding), "::notice file=a%3Ab%2Cc%25%0D.yaml::m\n");
    }
}

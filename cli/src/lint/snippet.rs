//! Formats findings for people: each with its source line, and a mark below the position.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use gleaner_core::document::{Finding, Severity};

use crate::terminal::visible;

/// Formats the finding in color. `line` is the text of the finding's source line.
pub(super) fn render(finding: &Finding, line: Option<&str>) -> String {
    let diagnostic = &finding.diagnostic;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    // `annotate_snippets` prints C1 control characters unchanged and, in labels and help, also escape sequences. `visible`
    // replaces all of them.
    let (place, message) = (visible(&diagnostic.place), visible(&diagnostic.message));
    let line = line.map(visible);
    let group: Group<'_> = match (diagnostic.at, &line) {
        (Some(at), Some(line)) => {
            let mark = AnnotationKind::Primary.span(marked(line, at.column));
            let snippet = Snippet::source(line)
                .path(&*finding.file)
                .line_start(at.line)
                .annotation(mark.label(&place));
            level.primary_title(message).element(snippet)
        }
        _ => {
            let title = match place.as_str() {
                "" => message,
                place => format!("{place}: {message}"),
            };
            let origin = Origin::path(finding.position());
            level.primary_title(title).element(origin)
        }
    };
    let help = diagnostic.help.as_ref().map(visible);
    let group = group.elements(help.map(|help| Level::HELP.message(help)));
    Renderer::styled().render(&[group]) + "\n\n"
}

/// Returns the byte range of the variable or word at `column`, counted in characters from 1.
fn marked(line: &str, column: usize) -> Range<usize> {
    let start = line.char_indices().nth(column.saturating_sub(1));
    let start = start.map_or(line.len(), |(start, _)| start);
    let rest = &line[start..];
    let is_end = |letter: char| letter.is_whitespace() || ",]})".contains(letter);
    let length = match rest.strip_prefix("$(").and_then(|rest| rest.find(')')) {
        Some(inner) => "$(".len() + inner + 1,
        None if rest.starts_with(['[', '{']) => 1,
        None => rest.find(is_end).unwrap_or(rest.len()),
    };
    let word = &rest[..length];
    // The colon after a key does not belong to the marked word.
    let word = word.strip_suffix(':').unwrap_or(word);
    let first = rest.chars().next().map_or(0, char::len_utf8);
    start..start + word.len().max(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_a_column_is_marked() {
        for (line, column, expected) in [
            ("  - name: digest  # x", 11, "digest"),
            ("{name: digest}", 8, "digest"),
            ("  kanik: [a]", 3, "kanik"),
            ("url: $(params.a b)/x", 6, "$(params.a b)"),
            ("é: $(open", 4, "$(open"),
            ("é: ü, x", 4, "ü"),
            ("a: [1, 2]", 9, "]"),
            ("a: [{b: c}]", 4, "["),
            ("a:", 1, "a"),
            (": b", 1, ":"),
            ("a", 2, ""),
            ("a", 99, ""),
            ("", 1, ""),
        ] {
            assert_eq!(&line[marked(line, column)], expected, "{line}");
        }
    }
}

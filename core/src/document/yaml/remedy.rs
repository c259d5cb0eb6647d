//! Remedies for YAML errors with a common cause that the parser's message does not mention.

use crate::document::diagnostic::Diagnostic;

/// The maximum length of a value in a remedy, in characters.
const SHOWN: usize = 60;
/// The remedy for errors with an unknown cause.
const OTHERWISE: &str =
    "check the indentation, quotes and brackets of this line and the lines before it";

/// Adds a remedy to a YAML error if the message and `text` show the cause.
pub(super) fn of_cause(error: Diagnostic, text: &str) -> Diagnostic {
    let (Some(at), None) = (error.at, &error.help) else {
        return error;
    };
    let line = text.lines().nth(at.line.saturating_sub(1));
    let line = line.unwrap_or_default();
    let message = error.message.as_str();
    if let Some(start) = template(line) {
        let example = of_template(line, start);
        let example = example.map_or_else(String::new, |value| {
            format!(", or quote the value if it is text, such as {value}")
        });
        let message = "`{{` is template syntax, not YAML";
        return Diagnostic::new(error.place, error.at, message).help(format!(
            "check the rendered output, for example with `helm template`{example}"
        ));
    }
    let help = if message.starts_with("unclosed") {
        "close it, or quote the value if it is text".to_owned()
    } else if message
        .split(' ')
        .any(|word| ["tab", "tabs"].contains(&word))
    {
        "use spaces for indentation".to_owned()
    } else if message.contains("mapping values are not allowed") {
        let value = second_colon(line, at.column);
        let value = value.map_or_else(String::new, |value| format!(", such as {value}"));
        format!("quote a value that contains ': '{value}, and check the indentation")
    } else if message.contains("document start") {
        "put a line with only --- between two documents".to_owned()
    } else if message.contains("expected string scalar") {
        "quote a key that begins with [, { or *, because a key must be a string".to_owned()
    } else {
        return error;
    };
    error.help(help)
}

/// Adds the general remedy to an error that has no remedy.
pub(super) fn otherwise(error: Diagnostic) -> Diagnostic {
    match error.at {
        Some(_) => error.maybe_help_with(|| Some(OTHERWISE.to_owned())),
        None => error,
    }
}

/// Returns the position of the first `{{` that is not in quotes.
fn template(line: &str) -> Option<usize> {
    let is_even = |before: &str, quote| before.matches(quote).count() % 2 == 0;
    let mut starts = line.match_indices("{{").map(|(start, _)| start);
    starts.find(|start| is_even(&line[..*start], '"') && is_even(&line[..*start], '\''))
}

/// If the `{{ }}` at `start` is a complete value in `line`, returns it in quotes. If it is only part of a value, returns `None`.
fn of_template(line: &str, start: usize) -> Option<String> {
    let end = start + line[start..].find("}}")? + 2;
    let begins = line[..start].trim_end().ends_with([':', '-', ',', '[']);
    let rest = line[end..].trim();
    let ends = rest.is_empty() || rest.starts_with([',', '}', ']', '#']);
    (begins && ends && !line[..start].trim().is_empty()).then(|| quoted(&line[start..end]))?
}

/// If the value in `line` is plain and contains a second `: `, which the parser reports at `column`, returns the value in quotes.
fn second_colon(line: &str, column: usize) -> Option<String> {
    let (before, value) = line.split_once(": ")?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let is_plain = !value.starts_with(['"', '\'', '[', '{', '&', '*', '!', '|', '>']);
    let is_before = before.chars().count() + 1 < column;
    (is_plain && is_before && value.contains(": ")).then(|| quoted(value))?
}

/// Returns the text as a quoted scalar, or `None` if it is too long to be shown in full.
pub(super) fn quoted(text: &str) -> Option<String> {
    if text.chars().count() > SHOWN {
        None
    } else if text.contains(['"', '\\']) {
        Some(format!("'{}'", text.replace('\'', "''")))
    } else {
        Some(format!("\"{text}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn shown(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_cause_of_an_error_is_named_with_its_remedy() {
        let template = "`{{` is template syntax, not YAML; check the rendered output, for example with `helm template`";
        for (text, expected) in [
            (
                "a: {{ .Values.x }}",
                format!("{template}, or quote the value if it is text, such as \"{{{{ .Values.x }}}}\""),
            ),
            (
                "a: {image: {{ .x | default \"y\" }}, b: c}",
                format!("{template}, or quote the value if it is text, such as '{{{{ .x | default \"y\" }}}}'"),
            ),
            ("a: {{ .x }}-y", template.to_owned()),
            ("a:\n{{- with .x }}\n  b: c\n{{- end }}", template.to_owned()),
            (
                "a:\n  b: note: c # d",
                "mapping values are not allowed in this context; quote a value that contains ': ', such as \"note: c\", and check the indentation".to_owned(),
            ),
            (
                "a: \"{{ .x }}\": c",
                "mapping values are not allowed in this context; quote a value that contains ': ', and check the indentation".to_owned(),
            ),
            (
                "a: b\n  c: d",
                "mapping values are not allowed in this context; quote a value that contains ': ', and check the indentation".to_owned(),
            ),
            (
                "a:\n  - b: c\n\t  d: e",
                "while scanning a plain scalar, found a tab; use spaces for indentation".to_owned(),
            ),
            (
                "{\"a\": 1}\n{\"a\": 2}",
                "did not find expected <document start>; put a line with only --- between two documents".to_owned(),
            ),
            (
                "a: {? [a, b] : c}",
                "expected string scalar; quote a key that begins with [, { or *, because a key must be a string".to_owned(),
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn every_syntax_error_has_a_remedy() {
        for text in [
            "a: 'b",
            "a: [b",
            "a: b\nc",
            "a: *b",
            "a: !",
            "- a\nb: c",
            "a: \"\\q\"",
        ] {
            if let Err(error) = parse(text) {
                assert!(error.help.is_some(), "{text}: {error}");
            }
        }
    }

    #[test]
    fn the_example_in_a_remedy_is_valid_yaml() {
        for text in [
            "a: {{ .x }}",
            "a: {{ .x | y \"z'\" }}",
            "a: b: c",
            "a: b: \"c\" 'd'",
        ] {
            let error = parse(text).unwrap_err();
            let help = error.help.unwrap();
            let (_, example) = help.split_once("such as ").unwrap();
            let example = example
                .rsplit_once("such as ")
                .map_or(example, |(_, last)| last);
            let example = example.split(", and check").next().unwrap();
            let fixed = parse(&format!("a: {example}")).unwrap();
            let value = fixed.get("a").and_then(|node| node.as_str());
            assert_eq!(value, text.strip_prefix("a: "), "{help}");
        }
    }
}

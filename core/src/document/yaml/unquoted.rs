//! The remedy for a plain value with characters that YAML reserves, such as `$(params.list[*])` inside `{}`.

use crate::document::Location;

use super::remedy::quoted;

/// The number of lines that are searched for the value, ending with the reported line: the parser may report a line after the
/// value.
const LINES: usize = 3;
/// The characters that cannot begin any YAML construct within a document (YAML 1.2.2, `c-indicator`).
const RESERVED: [char; 3] = ['%', '@', '`'];

/// If an unquoted value may be the cause of an error with this message and position, returns the remedy.
pub(super) fn help(text: &str, message: &str, at: Option<Location>) -> Option<String> {
    let at = at?;
    let mut near: Vec<&str> = text
        .lines()
        .take(at.line)
        .skip(at.line.saturating_sub(LINES))
        .collect();
    near.reverse();
    if let Some(value) = near.first().and_then(|line| reserved(line, at.column)) {
        let first = value.chars().next()?;
        return Some(format!(
            "quote a value that begins with {first}{}",
            example(value)
        ));
    }
    let is_structure = ["flow", "expected", "mapping", "sequence", "block"];
    if !is_structure.iter().any(|word| message.contains(word)) {
        return None;
    }
    let value = near.into_iter().find_map(|line| {
        let starts = line
            .char_indices()
            .filter(|(start, _)| begins(line, *start));
        let mut values = starts.filter_map(|(start, _)| value(&line[start..]));
        values.find(|value| value.contains(['[', '{']))
    })?;
    Some(format!(
        "quote a value that contains [ or {{{}",
        example(value)
    ))
}

/// Returns the value that begins with a reserved character at `column` or one character before it.
fn reserved(line: &str, column: usize) -> Option<&str> {
    let starts: Vec<usize> = line.char_indices().map(|(start, _)| start).collect();
    let near = starts.iter().take(column).rev().take(2);
    let start = near
        .copied()
        .find(|start| line[*start..].starts_with(RESERVED) && begins(line, *start))?;
    let value = line[start..].split(" #").next().unwrap_or_default();
    Some(value.trim_end())
}

/// Returns true if a value can begin at `start`: after a key, after the dash of a list item, or in a flow collection.
fn begins(line: &str, start: usize) -> bool {
    let before = line[..start].trim_end();
    let is_apart = before.len() < start;
    match before.chars().last() {
        Some(':' | '-') => is_apart,
        Some('[' | '{' | ',') => true,
        _ => false,
    }
}

/// Returns the plain value at the beginning of `rest`, including its bracketed parts, or `None` for a map, a list or a quoted
/// value.
fn value(rest: &str) -> Option<&str> {
    if rest.starts_with(['[', '{', '"', '\'', '#', ' ', '|', '>', '&', '*']) {
        return None;
    }
    let mut open = Vec::new();
    let mut end = rest.len();
    for (at, letter) in rest.char_indices() {
        match letter {
            '[' => open.push(']'),
            '{' => open.push('}'),
            '(' => open.push(')'),
            ']' | '}' | ')' if open.last() == Some(&letter) => {
                open.pop();
            }
            // The flow collection or its item ends here.
            ']' | '}' | ',' if open.is_empty() => {
                end = at;
                break;
            }
            ':' if open.is_empty() && rest[at + 1..].starts_with(' ') => return None,
            '#' if rest[..at].ends_with(' ') => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let value = rest[..end].trim_end();
    // If a bracket is not closed, the end of the value is unknown.
    (open.is_empty() && !value.is_empty()).then_some(value)
}

/// Returns `, such as` and the quoted value, or an empty string if the value is too long to be shown in full.
fn example(value: &str) -> String {
    let example = quoted(value);
    example.map_or_else(String::new, |value| format!(", such as {value}"))
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn help(text: &str) -> String {
        parse(text).unwrap_err().help.unwrap_or_default()
    }

    #[test]
    fn the_example_is_the_whole_value_in_suitable_quotes() {
        for (text, expected) in [
            (
                "a: {b: {v: $(steps.build.v[\"a\"])}}",
                "quote a value that contains [ or {, such as '$(steps.build.v[\"a\"])'",
            ),
            (
                "a: [{name: v, pattern: ^sha256:[0-9a-f]{64}$}]",
                "quote a value that contains [ or {, such as \"^sha256:[0-9a-f]{64}$\"",
            ),
            (
                "a: {ip: .status.ingress[0].ip}",
                "quote a value that contains [ or {, such as \".status.ingress[0].ip\"",
            ),
            (
                "a: {b: x, c: $(params.list[*]), d: e}",
                "quote a value that contains [ or {, such as \"$(params.list[*])\"",
            ),
            (
                "v: %{foo}",
                "quote a value that begins with %, such as \"%{foo}\"",
            ),
            (
                "v: @foo # x",
                "quote a value that begins with @, such as \"@foo\"",
            ),
            (
                "a:\n- `x`",
                "quote a value that begins with `, such as \"`x`\"",
            ),
        ] {
            assert_eq!(help(text), expected, "{text}");
        }
    }

    #[test]
    fn the_example_in_a_remedy_is_valid_yaml() {
        for text in [
            "a: {v: $(steps.build.v[\"a\"])}",
            "a: {v: ^x'[\"]$}",
            "a: {v: ^sha256:[0-9a-f]{64}$}",
        ] {
            let help = help(text);
            let (_, example) = help.split_once(", such as ").unwrap();
            let value = text.trim_start_matches("a: {v: ").trim_end_matches("}");
            let fixed = parse(&format!("a: {{v: {example}}}")).unwrap();
            let found = fixed.descend(&["a", "v"]).and_then(|node| node.as_str());
            assert_eq!(found, Some(value));
        }
    }
}

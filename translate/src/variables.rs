//! Finds and replaces `$(...)` in strings.

#[cfg(test)]
mod tests;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Content, Diagnostics, Locate, Location, Node, Place, Source};

/// The replacement for a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// The variable stays unchanged.
    Keep,
    /// The variable is replaced with another variable; the field is the new text between `$(` and `)`.
    Variable(String),
    /// The variable is replaced with this text, which contains no variables.
    Text(String),
    /// The variable has no equivalent in v1, or is invalid.
    Refused {
        message: String,
        help: Option<String>,
    },
}

impl Replacement {
    /// Returns an error with a message and a remedy.
    pub(crate) fn refused(message: String, help: impl Into<String>) -> Self {
        let help = Some(help.into());
        Self::Refused { message, help }
    }
}

pub(crate) trait Variables {
    /// Returns the replacement for the variable that consists of `words`; `inside` is the text between `$(` and `)`.
    fn replace(&mut self, words: &[&str], inside: &str) -> Replacement;

    /// Returns true if variables in the field `field` are not replaced.
    fn skips(&self, field: &str) -> bool;

    /// Returns true if the variable that consists of `words` could also be written as `${...}` in Tekton before v0.6.
    fn had_braces(&self, words: &[&str]) -> bool {
        matches!(words, ["inputs" | "outputs", ..])
    }

    /// Returns true if `$$(` means a literal `$(`, which is the case in a declaration, but not in Tekton's fields.
    fn escapes(&self) -> bool {
        false
    }
}

/// Translates the variables in all strings in `node`, which is at `place` in a document of `source`.
pub(crate) fn rewrite(
    node: &mut Node,
    place: &Place,
    variables: &mut dyn Variables,
    source: &Source,
    found: &mut Diagnostics,
) {
    match &mut node.content {
        Content::String(text) => {
            let mut diagnostics = Vec::new();
            let written = rewrite_text(text, variables, &mut |offset, message, help| {
                let at = Some(location(text, offset));
                diagnostics.push(Diagnostic::new(place, at, message).maybe_help(help));
            });
            let located = diagnostics.into_iter();
            found.extend(located.map(|diagnostic| source.locate(node, diagnostic)));
            node.content = Content::String(written);
        }
        Content::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                rewrite(item, &place.index(index), variables, source, found);
            }
        }
        Content::Mapping(entries) => {
            for (key, value) in entries {
                if !variables.skips(&key.name) {
                    rewrite(value, &place.key(&key.name), variables, source, found);
                }
            }
        }
        Content::Null | Content::Boolean(_) | Content::Number(_) => {}
    }
}

/// Returns `text` with its variables translated. For each variable that is [`Replacement::Refused`], calls `report` with the
/// offset of the variable, the message and the remedy.
pub(crate) fn rewrite_text(
    text: &str,
    variables: &mut dyn Variables,
    report: &mut dyn FnMut(usize, String, Option<String>),
) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some((begin, brace)) = opening(text, rest) {
        let close = if brace == '(' { ')' } else { '}' };
        written.push_str(&text[rest..begin]);
        rest = begin + 2;
        let inside = text[rest..].split_once(close).map(|(inside, _)| inside);
        let escaped = variables.escapes() && text[..begin].ends_with('$');
        let words = inside.filter(|_| !escaped).and_then(words);
        // `${x}` is a variable of the shell, unless Tekton before v0.6 replaced it.
        let (Some(inside), Some(words)) = (
            inside,
            words.filter(|words| brace == '(' || variables.had_braces(words)),
        ) else {
            // This is not a variable, but may contain one. For example, `$(cat $(params.file))` is a shell command with a
            // variable.
            written.push_str(&text[begin..rest]);
            continue;
        };
        let end = rest + inside.len() + 1;
        match variables.replace(&words, inside) {
            Replacement::Keep if brace == '(' => {
                written.push_str("$(");
                continue;
            }
            Replacement::Keep => written.push_str(&format!("$({inside})")),
            Replacement::Variable(inside) => written.push_str(&format!("$({inside})")),
            Replacement::Text(text) => written.push_str(&text),
            Replacement::Refused { message, help } => report(begin, message, help),
        }
        rest = end;
    }
    written.push_str(&text[rest..]);
    written
}

/// Returns the offset of the next `$(` or `${` at or after the offset `rest`, and its bracket.
fn opening(text: &str, rest: usize) -> Option<(usize, char)> {
    let mut dollars = text[rest..].match_indices('$');
    dollars.find_map(|(offset, _)| {
        let begin = rest + offset;
        let brace = text[begin + 1..].chars().next()?;
        matches!(brace, '(' | '{').then_some((begin, brace))
    })
}

/// Returns the text between `$(` and `)` if `text` begins and ends with these.
pub(crate) fn inside(text: &str) -> Option<&str> {
    text.strip_prefix("$(")?.strip_suffix(')')
}

/// Returns the words of a variable; for example, `params["a.b"].c` has three. Returns `None` if the text is not a variable.
pub(crate) fn words(inside: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = inside;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end > 0 {
            words.push(&rest[..end]);
        }
        rest = &rest[end..];
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (word, after) = after.split_once(']')?;
            words.push(word.trim_matches(['"', '\'']));
            rest = after;
        } else {
            break;
        }
    }
    let is_plain = |word: &&str| {
        word.chars()
            .all(|c| c.is_alphanumeric() || "-_.*".contains(c))
    };
    (!words.is_empty() && words.iter().all(is_plain)).then_some(words)
}

fn location(text: &str, offset: usize) -> Location {
    let before = &text[..offset];
    let line = before.rsplit('\n').next().unwrap_or_default();
    Location {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

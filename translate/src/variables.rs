//! `$(...)` in texts: found, judged and replaced.

use gleaner_core::document::yaml::{Content, Node};

use crate::desk::Desk;

/// What becomes of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stands as it is.
    Keep,
    /// Another variable takes its place; this is what stands between `$(` and `)`.
    Variable(String),
    /// A text takes its place.
    Text(String),
    /// It has no equal.
    Wrong {
        /// Why.
        message: String,
        /// What would be right.
        help: Option<String>,
    },
}

/// Knows what becomes of variables.
pub(crate) trait Judge {
    /// What becomes of the variable of these words, `inside` being what stands between `$(` and `)`.
    fn judge(&mut self, words: &[&str], inside: &str) -> Verdict;

    /// Whether `$$(` stands for a literal `$(`, as it does in a declaration. Tekton knows no such thing.
    fn escapes(&self) -> bool {
        false
    }
}

/// Replaces the variables in every text below `node`, except below the fields `except`.
pub(crate) fn rewrite(
    node: &mut Node,
    place: &str,
    except: &[&str],
    judge: &mut dyn Judge,
    desk: &mut Desk<'_>,
) {
    match &mut node.content {
        Content::String(_) => rewrite_text(node, place, judge, desk),
        Content::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                rewrite(item, &format!("{place}[{index}]"), except, judge, desk);
            }
        }
        Content::Mapping(entries) => {
            for (key, value) in entries {
                if !except.contains(&key.name.as_str()) {
                    rewrite(value, &format!("{place}.{}", key.name), except, judge, desk);
                }
            }
        }
        Content::Null | Content::Boolean(_) | Content::Number(_) => {}
    }
}

fn rewrite_text(node: &mut Node, place: &str, judge: &mut dyn Judge, desk: &mut Desk<'_>) {
    let text = node.as_str().unwrap_or_default();
    for (offset, inside) in old_spellings(text) {
        let message = format!("`${{{inside}}}` is how Tekton wrote variables before v0.6");
        let help = Some(format!("write $({inside})"));
        desk.complain_within(place, node, offset, message, help);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(begin) = text[rest..].find("$(").map(|found| rest + found) {
        let Some(length) = text[begin..].find(')') else {
            break;
        };
        let inside = &text[begin + 2..begin + length];
        let end = begin + length + 1;
        let escaped = judge.escapes() && text[..begin].ends_with('$');
        let verdict = match words(inside) {
            Some(words) if !escaped => judge.judge(&words, inside),
            _ => Verdict::Keep,
        };
        written.push_str(&text[rest..begin]);
        match verdict {
            Verdict::Keep => {
                // What stands within may hold a variable itself: `$(cat $(params.file))` is shell.
                written.push_str("$(");
                rest = begin + 2;
                continue;
            }
            Verdict::Variable(inside) => written.push_str(&format!("$({inside})")),
            Verdict::Text(text) => written.push_str(&text),
            Verdict::Wrong { message, help } => {
                desk.complain_within(place, node, begin, message, help);
            }
        }
        rest = end;
    }
    written.push_str(&text[rest..]);
    node.content = Content::String(written);
}

/// The words of a variable: `params["a.b"].c` has three. Nothing for what is no variable.
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
    let plain = |word: &&str| {
        let plain = |c: char| c.is_alphanumeric() || "-_.*".contains(c);
        word.chars().all(plain)
    };
    (!words.is_empty() && words.iter().all(plain)).then_some(words)
}

/// `${inputs.params.x}`: where it begins, and what stands within.
fn old_spellings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const ROOTS: [&str; 2] = ["inputs.", "outputs."];
    text.match_indices("${").filter_map(|(begin, _)| {
        let (inside, _) = text[begin + 2..].split_once('}')?;
        let old = ROOTS.iter().any(|root| inside.starts_with(root));
        old.then_some((begin, inside))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_either_spelling() {
        assert_eq!(words("params.a.b"), Some(vec!["params", "a", "b"]));
        assert_eq!(
            words("params[\"a.b\"].c[*]"),
            Some(vec!["params", "a.b", "c", "*"])
        );
        assert_eq!(words("cat /tmp/x"), None);
        assert_eq!(words(""), None);
    }
}

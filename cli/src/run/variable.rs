//! `$(...)` in the texts of Tekton's documents: the places, the parts, and words that were probably meant to be a variable.

use std::convert::Infallible;

use gleaner_core::document::suggestion::nearest;
use gleaner_core::variable::{Access, Reference};
use serde_json::Value;

/// A variable in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurrence<'t> {
    /// The text between `$(` and `)`.
    pub(crate) inner: &'t str,
    /// The byte at which it begins.
    pub(crate) offset: usize,
    /// True if the text is nothing else.
    pub(crate) is_whole: bool,
}

/// Returns what is between `$(` and the next `)`, from left to right. It may be a shell's.
pub(crate) fn occurrences(text: &str) -> impl Iterator<Item = Occurrence<'_>> {
    text.match_indices("$(").filter_map(|(offset, open)| {
        let start = offset + open.len();
        let end = start + text[start..].find(')')?;
        Some(Occurrence {
            inner: &text[start..end],
            offset,
            is_whole: offset == 0 && end + 1 == text.len(),
        })
    })
}

/// Replaces the variables of `text` that `value` knows. What it replaces is not read again.
///
/// # Errors
/// Those of `value`.
pub(crate) fn replace<E>(
    text: &str,
    value: impl Fn(&str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = 0;
    for one in occurrences(text) {
        if one.offset < rest {
            continue;
        }
        if let Some(value) = value(one.inner)? {
            replaced.push_str(&text[rest..one.offset]);
            replaced.push_str(&value);
            rest = one.offset + "$()".len() + one.inner.len();
        }
    }
    replaced.push_str(&text[rest..]);
    Ok(replaced)
}

/// Replaces the context variables in all texts of `value`. `known` gets their names without `context.`.
pub(crate) fn replace_context<'k>(value: &mut Value, known: &impl Fn(&str) -> Option<&'k String>) {
    match value {
        Value::String(text) => {
            let replaced: Result<String, Infallible> = replace(text, |inner| {
                let name = inner.strip_prefix("context.");
                Ok(name.and_then(known).cloned())
            });
            let Ok(replaced) = replaced;
            *text = replaced;
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_context(item, known)),
        Value::Object(entries) => entries
            .values_mut()
            .for_each(|value| replace_context(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns the parts of a variable: `tasks.build.results.img[*]` has four keys and an [`Access::All`]; none if it is not one.
pub(crate) fn parts(inner: &str) -> Option<Vec<Access>> {
    // The grammar of parameters is that of all variables of Tekton.
    let reference = Reference::parse(&format!("params.p.{inner}")).ok()?;
    Some(reference.access().to_vec())
}

/// Returns the part at `index` if it is a key.
pub(crate) fn key(parts: &[Access], index: usize) -> Option<&str> {
    match parts.get(index) {
        Some(Access::Key(key)) => Some(key),
        _ => None,
    }
}

/// Returns the first word of `inner` if a `.` or `[` follows it, as it does in a variable.
pub(crate) fn root(inner: &str) -> Option<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = inner.find(|c| !word(c))?;
    let follows = inner[end..].starts_with(['.', '[']);
    (end > 0 && follows).then(|| &inner[..end])
}

/// Returns the root that an unknown one was probably meant to be, if all of `inner` could be a variable.
pub(crate) fn misspelt<'a>(inner: &str, roots: &[&'a str]) -> Option<&'a str> {
    let unknown = root(inner).filter(|root| !roots.contains(root))?;
    parts(inner)?;
    nearest(unknown, roots.iter().copied())
}

/// Goes into `value`.
///
/// # Errors
/// A message about the part that leads nowhere.
pub(crate) fn reach<'a>(
    inner: &str,
    access: &[Access],
    value: &'a Value,
) -> Result<&'a Value, String> {
    let whole = Reference::Param {
        name: String::new(),
        access: access.to_vec(),
    };
    whole
        .reach(value)
        .map_err(|error| match error.split_once("`: ") {
            Some((_, reason)) => format!("`$({inner})`: {reason}"),
            None => error,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_from_a_shells() {
        let inner = |text| occurrences(text).map(|one| one.inner).collect::<Vec<_>>();
        assert_eq!(inner("a $(params.x)$(date) $(open"), ["params.x", "date"]);
        assert!(occurrences("$(params.x)").all(|one| one.is_whole));
        assert_eq!(root("params.x"), Some("params"));
        assert_eq!(root("date +%s"), None);
        assert_eq!(misspelt("param.x", &["params", "tasks"]), Some("params"));
        assert_eq!(misspelt("param.x -v", &["params", "tasks"]), None);
        assert_eq!(misspelt("date.x", &["params", "tasks"]), None);
    }

    #[test]
    fn parts_lead_into_values() {
        let found = parts("tasks.build.results.img.url").unwrap();
        assert_eq!((key(&found, 3), found.len()), (Some("img"), 5));
        let value = serde_json::json!({"url": "u"});
        assert_eq!(reach("x", &found[4..], &value).unwrap(), "u");
        let error =
            reach("x", &parts("a[3]").unwrap()[1..], &serde_json::json!(["a"])).unwrap_err();
        assert_eq!(error, "`$(x)`: the value has only 1 items");
        assert_eq!(parts("date +%s"), None);
    }
}

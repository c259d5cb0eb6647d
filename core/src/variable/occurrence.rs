//! Finds `$(...)` in the strings of Tekton documents, splits variables into their parts, and recognizes misspelled variables.

use super::{Access, Reference};
use crate::document::suggestion::nearest;

/// The maximum length of a variable, in bytes. A variable consists of a few names, each of which is at most 253 bytes long in
/// Tekton, so longer text in `$(...)` belongs to a shell.
const LONGEST: usize = 1024;

/// A variable in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence<'t> {
    /// The content of `$(...)`.
    pub inner: &'t str,
    /// The byte offset of the variable in the string.
    pub offset: usize,
    /// True if the variable is the whole string.
    pub is_whole: bool,
}

/// Returns the text between each `$(` and the next `)`, from left to right. Such text may also be a command substitution of the shell.
pub fn occurrences(text: &str) -> impl Iterator<Item = Occurrence<'_>> {
    text.match_indices("$(").filter_map(|(offset, open)| {
        let start = offset + open.len();
        let mut reach = text.as_bytes()[start..].iter().take(LONGEST + 1);
        let end = start + reach.position(|byte| *byte == b')')?;
        Some(Occurrence {
            inner: &text[start..end],
            offset,
            is_whole: offset == 0 && end + 1 == text.len(),
        })
    })
}

/// Replaces each variable in `text` for which `value` returns a value. Inserted values are not searched for variables.
///
/// # Errors
/// Returns the first error from `value`.
pub fn replace<E>(
    text: &str,
    mut value: impl FnMut(&str) -> Result<Option<String>, E>,
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

/// Returns the parts of a variable. For example, `tasks.build.results.img[*]` has four keys and an [`Access::All`]. Returns
/// `None` if `inner` is not a variable.
pub fn parts(inner: &str) -> Option<Vec<Access>> {
    // The text is parsed as a path into a parameter, because the grammar of such a path covers all of Tekton's variables.
    let reference = Reference::parse(&format!("params.p.{inner}")).ok()?;
    Some(reference.access().to_vec())
}

/// If the part at `index` is a key, returns the key.
pub fn key(parts: &[Access], index: usize) -> Option<&str> {
    match parts.get(index) {
        Some(Access::Key(key)) => Some(key),
        _ => None,
    }
}

/// If `.` or `[` follows the first word of `inner`, as in a variable, returns this word.
pub fn root(inner: &str) -> Option<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = inner.find(|c| !word(c))?;
    let follows = inner[end..].starts_with(['.', '[']);
    (end > 0 && follows).then(|| &inner[..end])
}

/// Returns the known root that is most similar to the unknown root of `inner`. Returns `None` if no known root is similar, or if
/// `inner` does not have the form of a variable.
pub fn misspelt<'a>(inner: &str, roots: &[&'a str]) -> Option<&'a str> {
    let unknown = root(inner).filter(|root| !roots.contains(root))?;
    parts(inner)?;
    nearest(unknown, roots.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_distinguished_from_shell_text() {
        let inner = |text| occurrences(text).map(|one| one.inner).collect::<Vec<_>>();
        assert_eq!(inner("a $(params.x)$(date) $(open"), ["params.x", "date"]);
        assert!(occurrences("$(params.x)").all(|one| one.is_whole));
        let long = format!("$({}) $(params.x)", "a".repeat(LONGEST + 1));
        assert_eq!(inner(&long), ["params.x"]);
        assert_eq!(root("params.x"), Some("params"));
        assert_eq!(root("date +%s"), None);
        assert_eq!(misspelt("param.x", &["params", "tasks"]), Some("params"));
        assert_eq!(misspelt("param.x -v", &["params", "tasks"]), None);
        assert_eq!(misspelt("date.x", &["params", "tasks"]), None);
    }

    #[test]
    fn a_variable_is_split_into_its_parts() {
        let found = parts("tasks.build.results.img.url").unwrap();
        assert_eq!((key(&found, 3), found.len()), (Some("img"), 5));
        assert_eq!(parts("date +%s"), None);
    }
}

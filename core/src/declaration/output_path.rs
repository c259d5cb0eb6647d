//! Reports values of `fromPath` that cannot be the path of a file. The redirector opens the path as written, without a shell.

use std::convert::Infallible;

use crate::document::diagnostic::Part;
use crate::document::{Cursor, Diagnostics};
use crate::variable::occurrence::{key, occurrences, parts, replace, root};

/// Reports the path of the output `name` if no regular file can have this path.
pub(super) fn check(
    path: &Cursor<'_>,
    name: &str,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let Some(text) = path.node.as_str() else {
        return;
    };
    let literal = without_variables(text);
    let Some((offset, message, help)) = refused(text, &literal, name) else {
        if let Some(offset) = literal.find('\\') {
            warnings.push_with(|_| {
                let message =
                    "the backslash does not separate directories, but is part of the file's name";
                let help = "separate directories with '/'";
                let warning = path.diagnostic(message).help(help);
                warning.about(Part::Offset(offset))
            });
        }
        return;
    };
    errors.push_with(|_| {
        let error = path.diagnostic(message).help(help);
        error.about(Part::Offset(offset))
    });
}

/// Returns the byte offset of the rejected part of the path, the error, and the remedy.
fn refused(text: &str, literal: &str, name: &str) -> Option<(usize, String, String)> {
    let default = format!("omit fromPath and write to $GLEANER_OUTPUTS/{name}");
    let absolute = || {
        format!("write an absolute path or a path relative to the step's workingDir, or {default}")
    };
    let bytes = literal.as_bytes();
    if let Some((start, end)) = shell_variable(literal) {
        let variable = &text[start..end];
        let message = format!("no shell expands `{variable}` in this path");
        let help = match variable {
            "$GLEANER_OUTPUTS" | "${GLEANER_OUTPUTS}" => default,
            _ => absolute(),
        };
        return Some((start, message, help));
    }
    if literal == "~" || literal.starts_with("~/") {
        return Some((
            0,
            "no shell expands `~` in this path".to_owned(),
            absolute(),
        ));
    }
    if let Some(offset) = literal.find('*') {
        let message = "no shell expands `*` in this path, which must name one file".to_owned();
        return Some((offset, message, "write the file's name".to_owned()));
    }
    if let [letter, b':', b'/' | b'\\', ..] = bytes
        && letter.is_ascii_alphabetic()
    {
        let message = "this is a Windows path, but Gleaner runs on Linux".to_owned();
        return Some((0, message, absolute()));
    }
    if let Some(offset) = literal.find('\0') {
        let message = "a file path cannot contain a NUL character".to_owned();
        return Some((offset, message, "remove it".to_owned()));
    }
    if is_workspace(text) {
        let message = "this path is the directory of the workspace, not a file".to_owned();
        return Some((0, message, format!("add the file's name: {text}/{name}")));
    }
    let last = literal.rsplit('/').next().unwrap_or_default();
    if !literal.is_empty() && matches!(last, "" | "." | "..") {
        let message = "this path names a directory".to_owned();
        return Some((0, message, format!("add the file's name, such as {name}")));
    }
    None
}

/// Returns true if the path is only `$(workspaces.NAME.path)`, the directory of the workspace.
fn is_workspace(text: &str) -> bool {
    let text = text.trim_end_matches('/');
    let mut whole =
        occurrences(text).filter(|one| one.is_whole && root(one.inner) == Some("workspaces"));
    whole.any(|one| parts(one.inner).is_some_and(|parts| key(&parts, 2) == Some("path")))
}

/// Returns the range of the first shell variable: `${NAME}`, or `$NAME` at the beginning of a path segment. In other places, `$`
/// may be part of a file name, such as `Outer$Inner.class`.
fn shell_variable(literal: &str) -> Option<(usize, usize)> {
    literal.match_indices('$').find_map(|(start, _)| {
        let rest = &literal[start + 1..];
        if rest.starts_with('{') {
            return Some((start, start + 2 + rest.find('}')?));
        }
        let is_first = start == 0 || literal[..start].ends_with('/');
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let is_variable = is_first && !rest.starts_with(|first: char| first.is_ascii_digit());
        (is_variable && end > 0).then_some((start, start + 1 + end))
    })
}

/// Returns the path with each byte of a variable `$(...)` replaced by a letter, because the value is known only at run time. The
/// byte offsets stay the same.
fn without_variables(text: &str) -> String {
    let letters = |inner: &str| Some("v".repeat("$()".len() + inner.len()));
    let Ok(literal) = replace(text, |inner| Ok::<_, Infallible>(letters(inner)));
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &str) -> Option<String> {
        let found = refused(path, &without_variables(path), "digest");
        found.map(|(offset, message, help)| format!("{offset}: {message}; {help}"))
    }

    #[test]
    fn a_path_that_needs_a_shell_or_cannot_be_a_file_is_rejected() {
        for (path, expected) in [
            (
                "$GLEANER_OUTPUTS/v",
                "0: no shell expands `$GLEANER_OUTPUTS` in this path; omit fromPath and write to $GLEANER_OUTPUTS/digest",
            ),
            ("$HOME/v", "0: no shell expands `$HOME`"),
            ("${HOME}/v", "0: no shell expands `${HOME}`"),
            ("/a/${x}.txt", "3: no shell expands `${x}`"),
            ("$(workspaces.o.path)/$X", "21: no shell expands `$X`"),
            ("~/v", "0: no shell expands `~`"),
            ("/a/*.txt", "3: no shell expands `*`"),
            ("C:\\a", "0: this is a Windows path"),
            ("/a\0", "2: a file path cannot contain a NUL"),
            (
                "/tmp/",
                "0: this path names a directory; add the file's name, such as digest",
            ),
            ("$(workspaces.o.path)/..", "0: this path names a directory"),
            (".", "0: this path names a directory"),
            (
                "$(workspaces.o.path)",
                "0: this path is the directory of the workspace, not a file; add the file's name: $(workspaces.o.path)/digest",
            ),
            (
                "$(workspaces[\"o\"].path)",
                "0: this path is the directory of the workspace",
            ),
        ] {
            let found = message(path).unwrap_or_default();
            assert!(found.starts_with(expected), "{path}: {found}");
        }
    }

    #[test]
    fn a_path_that_a_file_may_have_is_allowed() {
        for path in [
            "/workspace/digest",
            "target/classes/Outer$Inner.class",
            "$(workspaces.out.path)/v",
            "$(params.path)",
            "$(results.r.path)",
            "$(params[\"a.*\"])/x",
            "/a/b~",
            "a:b",
            "/cost/$5",
            "/a/.b",
            "",
        ] {
            assert_eq!(message(path), None, "{path}");
        }
    }
}

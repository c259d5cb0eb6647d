//! Replaces pod paths in the strings of a step with the corresponding paths on this machine.
//!
//! A laptop has no `/workspace`, and a run should not create one. Therefore a directory of the run replaces this path wherever
//! a step's command, script, arguments or environment variables contain it. The replacement is textual, so it does not
//! recognize some forms of the path (`W=/work; ls ${W}space`) and leaves them unchanged.

use std::path::{Component, Path, PathBuf};

use gleaner_proto::path::OWN_RUN;

/// The default working directory of a step.
pub(crate) const WORKSPACE: &str = "/workspace";

#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// Pairs of a path and its replacement, sorted by descending length of the path. Paths that are already on this machine map
    /// to themselves.
    rules: Vec<(String, String)>,
}

impl Paths {
    /// Maps `from` and everything below it to `to`.
    pub(crate) fn map(&mut self, from: &str, to: &Path) {
        let from = from.trim_end_matches('/');
        if !from.is_empty() && self.rules.iter().all(|(other, _)| other != from) {
            self.rules
                .push((from.to_owned(), to.to_string_lossy().into_owned()));
            self.rules
                .sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        }
    }

    /// Leaves `path` and everything below it unchanged.
    pub(crate) fn keep(&mut self, path: &Path) {
        self.map(&path.to_string_lossy(), path);
    }

    /// Returns a copy that also maps `/gleaner/run/me`, which is a different directory for each step.
    pub(crate) fn of_step(&self, own_run: &Path) -> Self {
        let mut paths = self.clone();
        paths.map(OWN_RUN, own_run);
        paths
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(self.text(path))
    }

    /// Returns `text` with every pod path replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut mapped = String::with_capacity(text.len());
        let mut done = 0;
        for (start, _) in text.match_indices('/') {
            if start < done || !begins_a_path(&text[..start]) {
                continue;
            }
            let rule = self.rules.iter().find(|(from, _)| {
                text[start..]
                    .strip_prefix(from.as_str())
                    .is_some_and(|rest| !rest.starts_with(in_a_name))
            });
            if let Some((from, to)) = rule {
                mapped.push_str(&text[done..start]);
                mapped.push_str(to);
                done = start + from.len();
            }
        }
        mapped.push_str(&text[done..]);
        mapped
    }
}

/// Returns the absolute pod path of `path`, which is relative to `directory`. Resolves all `..` components, because on this
/// machine they could lead out of the directory that replaces a directory of the pod.
pub(crate) fn in_pod(directory: &str, path: &str) -> String {
    let mut absolute = PathBuf::from("/");
    for component in Path::new(directory).join(path).components() {
        match component {
            Component::Normal(name) => absolute.push(name),
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    absolute.to_string_lossy().into_owned()
}

/// Returns true if `name` is a plain file name, not a path.
pub(crate) fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    first == Some(Component::Normal(name.as_ref())) && components.next().is_none()
}

/// Returns true if `sub_path` is absolute or contains `..`.
pub(crate) fn leads_out(sub_path: &str) -> bool {
    let inside =
        |component: Component<'_>| matches!(component, Component::Normal(_) | Component::CurDir);
    !Path::new(sub_path).components().all(inside)
}

/// Returns true if a `/` after `before` appears to begin an absolute path.
fn begins_a_path(before: &str) -> bool {
    let Some(last) = before.chars().next_back() else {
        return true;
    };
    match last {
        // For example file:///workspace or dir:///workspace.
        '/' => before.ends_with("://"),
        // In `"$HOME"/workspace`, the quote closes a string, so this is a path below $HOME. In `"/workspace`, it opens a string.
        '"' | '\'' => {
            before
                .rsplit('\n')
                .next()
                .unwrap_or(before)
                .matches(last)
                .count()
                % 2
                == 1
        }
        // For example -I/workspace/include.
        letter if letter.is_ascii_alphabetic() => {
            let option = before[..before.len() - 1].strip_suffix('-');
            option
                .is_some_and(|rest| rest.is_empty() || rest.ends_with([' ', '\t', '\n', '"', '\'']))
        }
        other => !in_a_name(other) && !matches!(other, '~' | ')' | '}' | '*' | '?' | ']'),
    }
}

fn in_a_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests;

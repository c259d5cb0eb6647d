//! Pod paths in the texts of a step, and the corresponding paths on this machine.
//!
//! A laptop has no `/workspace`, and should not get one. So the directory of the run replaces it wherever a step's command,
//! script, arguments or variables contain that path. The replacement works on text, and some forms of a path cannot be recognized
//! (`W=/work; ls ${W}space`): they remain unchanged.

use std::path::{Component, Path, PathBuf};

use gleaner_proto::path::OWN_RUN;

/// The default working directory of steps.
pub(crate) const WORKSPACE: &str = "/workspace";

#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// Pairs of original and replacement, the longest original first. A path that is on this machine already is mapped to itself.
    rules: Vec<(String, String)>,
}

impl Paths {
    /// Maps `from`, and everything below it, to `to`.
    pub(crate) fn map(&mut self, from: &str, to: &Path) {
        let from = from.trim_end_matches('/');
        if !from.is_empty() && self.rules.iter().all(|(other, _)| other != from) {
            self.rules
                .push((from.to_owned(), to.to_string_lossy().into_owned()));
            self.rules
                .sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        }
    }

    /// Keeps `path`, and everything below it, unchanged.
    pub(crate) fn keep(&mut self, path: &Path) {
        self.map(&path.to_string_lossy(), path);
    }

    /// Returns the mapping for a step, including the directory that only this step sees.
    pub(crate) fn of_step(&self, own_run: &Path) -> Self {
        let mut paths = self.clone();
        paths.map(OWN_RUN, own_run);
        paths
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(self.text(path))
    }

    /// Returns `text` with every path in it mapped to this machine.
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

/// Returns the absolute path of `path` in a pod; a relative path is below `directory`. The result contains no `..`, which could
/// lead out of the directory that replaces the pod's.
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
        // Such as file:///workspace or dir:///workspace.
        '/' => before.ends_with("://"),
        // In "$HOME"/workspace the quote closes a string; in "/workspace it opens one.
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
        // Such as -I/workspace/include.
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

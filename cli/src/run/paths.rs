//! Paths of a pod in the text of a step, and their equivalents on this machine.
//!
//! A laptop has no `/workspace`, and should not get one. So the directory of the run replaces it wherever a step's
//! command, script, arguments or variables name it. That is a change of text, and text may name it in ways that
//! cannot be detected (`W=/work; ls ${W}space`): what is not recognized stays unchanged.

use std::path::{Component, Path, PathBuf};

use gleaner_proto::path::OWN_RUN;

/// The directory in which steps run unless they name another.
pub(crate) const WORKSPACE: &str = "/workspace";

#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// From and to, the longest `from` first. Some map to themselves: paths below them are on this machine already.
    rules: Vec<(String, String)>,
}

impl Paths {
    /// Maps `from`, and everything below it, to `to`.
    pub(crate) fn lead(&mut self, from: &str, to: &Path) {
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
        self.lead(&path.to_string_lossy(), path);
    }

    /// Returns the mapping for `step`, including the directory that only it has.
    pub(crate) fn of_step(&self, own_run: &Path) -> Self {
        let mut paths = self.clone();
        paths.lead(OWN_RUN, own_run);
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

/// Returns the absolute path of `path` in a pod, where a relative one is below `directory`. It has no `..`, with which it could lead
/// out of the directory that is used instead of the pod's.
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

/// Returns true if `name` is that of a file, and not a path.
pub(crate) fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let first = components.next();
    first == Some(Component::Normal(name.as_ref())) && components.next().is_none()
}

/// Returns true if `sub_path` is absolute or has a `..`.
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
        // file:///workspace, dir:///workspace
        '/' => before.ends_with("://"),
        // "$HOME"/workspace is not one, "/workspace is one.
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
        // -I/workspace/include
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

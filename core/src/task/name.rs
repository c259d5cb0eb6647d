//! Names that a cluster would take, of Tasks and of namespaces.

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml::Node;

use super::reading::{descend, present};

/// Longest DNS label, and longest name of a Task (Tekton's `pkg/apis/validate/metadata.go`): it becomes a label's value.
pub const LONGEST: usize = 63;
/// What a refused name should have been.
const RULE: &str =
    "use lower-case letters, digits and '-', and begin and end with a letter or digit";

/// What is wrong with the name in the metadata of a Task, TaskRun and so on.
pub fn check(document: &Node) -> Vec<Diagnostic> {
    let metadata = descend(document, &["metadata"]);
    let keys = ["name", "generateName"].into_iter();
    keys.filter_map(|key| {
        let node = metadata.and_then(|metadata| present(metadata, key))?;
        let place = format!("metadata.{key}");
        let Some(name) = node.as_str() else {
            let message = format!("must be a string, this is {}", node.describe());
            return Some(Diagnostic::new(place, Some(node.at), message).help("put it in quotes"));
        };
        if key == "generateName" {
            return None;
        }
        let diagnostic = |message| Diagnostic::new(place, Some(node.at), message);
        if name.len() > LONGEST {
            let message = format!("the name has {} characters", name.len());
            Some(diagnostic(message).help(format!("Tekton takes at most {LONGEST}")))
        } else if !name.split('.').all(is_label) {
            Some(diagnostic(format!("Kubernetes refuses the name '{name}'")).help(RULE))
        } else {
            None
        }
    })
    .collect()
}

/// Whether it is a DNS label, as the names of namespaces are.
pub fn is_label(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

/// The name of a run of `task`: the beginning of the Task's where the whole would be too long.
pub fn of_run(task: &str) -> String {
    const SUFFIX: &str = "-run";
    let room = task
        .char_indices()
        .map(|(start, letter)| start + letter.len_utf8());
    let end = room.take_while(|end| *end <= LONGEST - SUFFIX.len()).last();
    let begin = task[..end.unwrap_or_default()].trim_end_matches(['-', '.']);
    format!("{begin}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_task_has_runs_with_a_name_that_kubernetes_takes() {
        assert_eq!(of_run("build"), "build-run");
        for length in 50..=63 {
            let name = of_run(&"x".repeat(length));
            assert!(is_label(&name) && name.ends_with("x-run"), "{name}");
        }
        let name = of_run(&format!("{}-.-abc", "x".repeat(56)));
        assert_eq!(name, format!("{}-run", "x".repeat(56)));
    }

    #[test]
    fn labels_are_those_of_dns() {
        for (text, valid) in [
            ("a-1", true),
            ("", false),
            ("-a", false),
            ("a.b", false),
            ("A", false),
        ] {
            assert_eq!(is_label(text), valid, "{text}");
        }
    }
}

//! The names of Tasks and of their runs.

use crate::document::Node;
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics};
use gleaner_proto::name::is_dns_subdomain;

/// The maximum length of a Task's name (Tekton's `pkg/apis/validate/metadata.go`). Tekton uses the name as a label value, and
/// label values have the same limit.
const LONGEST: usize = 63;
/// The remedy for an invalid name.
const RULE: &str =
    "use lower-case letters, digits and '-', and begin and end with a letter or digit";

/// Checks the name in the metadata of a Task, TaskRun, Pipeline or PipelineRun.
pub(super) fn check(document: &Node) -> Vec<Diagnostic> {
    let metadata = Cursor::root(document).field("metadata");
    let mut found = Diagnostics::default();
    for key in ["name", "generateName"] {
        let Some(field) = metadata.as_ref().and_then(|metadata| metadata.field(key)) else {
            continue;
        };
        let Some(name) = field.text(&mut found) else {
            continue;
        };
        if key == "generateName" {
            continue;
        }
        if name.len() > LONGEST {
            let message = format!("the name is {} characters long", name.len());
            let help = format!("Tekton allows at most {LONGEST}");
            found.refuse(&field, message, help);
        } else if !is_dns_subdomain(name) {
            let message = format!("Kubernetes rejects the name '{name}'");
            found.refuse(&field, message, RULE);
        }
    }
    found.into_vec()
}

/// Returns the name of a run of the Task `task`: `<task>-run`, truncated if it is too long, or `task-run` if `task` is empty.
pub fn of_run(task: &str) -> String {
    const SUFFIX: &str = "-run";
    let task = if task.is_empty() { "task" } else { task };
    let room = task
        .char_indices()
        .map(|(start, letter)| start + letter.len_utf8());
    let end = room.take_while(|end| *end <= LONGEST - SUFFIX.len()).last();
    let begin = task[..end.unwrap_or_default()].trim_end_matches(['-', '.']);
    format!("{begin}{SUFFIX}")
}

/// Returns the name of a pipeline task's TaskRun: `<run>-<task>`, truncated if it is too long.
pub fn of_part(run: &str, task: &str) -> String {
    let name = format!("{run}-{task}");
    let ends = name
        .char_indices()
        .map(|(start, letter)| start + letter.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST).last();
    name[..end.unwrap_or_default()]
        .trim_end_matches(['-', '.'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gleaner_proto::name::is_dns_label;

    #[test]
    fn a_run_of_a_task_with_a_long_name_gets_a_valid_name() {
        assert_eq!(of_run("build"), "build-run");
        assert_eq!(of_run(""), "task-run");
        for length in 50..=63 {
            let name = of_run(&"x".repeat(length));
            assert!(is_dns_label(&name) && name.ends_with("x-run"), "{name}");
        }
        assert_eq!(of_part("run", "build"), "run-build");
        assert_eq!(of_part(&"x".repeat(62), "build").len(), 62);
        let name = of_run(&format!("{}-.-abc", "x".repeat(56)));
        assert_eq!(name, format!("{}-run", "x".repeat(56)));
    }
}

//! The status of a TaskRun or PipelineRun as text and as JSON.

use gleaner_proto::message::{Status, StepState, VariableState};
use serde_json::{Value, json};

use super::objects::{Created, CreatedObject};
use super::task_run::{StepMessage, TaskRun, is_final, succeeded};
use crate::terminal::{BAD, CAUTION, FAINT, GOOD, STRONG, paint, visible};

/// The status of a run.
pub(super) enum Report {
    TaskRun(TaskReport),
    PipelineRun(PipelineReport),
}

impl Report {
    /// Returns true if the run has finished.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::TaskRun(run) => run.is_finished,
            Self::PipelineRun(run) => is_final(&run.condition),
        }
    }

    /// Returns the status as JSON, with the fields that docs/check.md describes.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::TaskRun(run) => run.to_json(),
            Self::PipelineRun(run) => run.to_json(),
        }
    }

    /// Returns the status as text for a terminal.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::TaskRun(run) => run.to_text(),
            Self::PipelineRun(run) => run.to_text(),
        }
    }
}

/// The status of a PipelineRun.
pub(super) struct PipelineReport {
    pipeline_run: String,
    namespace: String,
    uid: Value,
    condition: Value,
    pub(super) task_runs: Vec<TaskReport>,
    /// The TaskRuns that do not use Gleaner.
    pub(super) without_outputs: Vec<PlainTaskRun>,
    /// The names of the TaskRuns that no longer exist.
    pub(super) deleted: Vec<String>,
}

/// A TaskRun that does not use Gleaner.
pub(super) struct PlainTaskRun {
    name: String,
    condition: Value,
}

impl PlainTaskRun {
    pub(super) fn new(run: &TaskRun) -> Self {
        Self {
            name: run.name.clone(),
            condition: run.condition().clone(),
        }
    }

    fn to_json(&self) -> Value {
        let mut json = json!({"taskRun": self.name});
        add_condition(&mut json, &self.condition);
        json
    }

    fn to_text(&self) -> String {
        let state = state(&self.condition);
        format!("{}: {state}{}", self.name, message(&self.condition))
    }
}

impl PipelineReport {
    /// Creates a report about a PipelineRun. The caller adds the reports about its TaskRuns.
    pub(super) fn new(namespace: &str, name: &str, object: &Value) -> Self {
        Self {
            pipeline_run: name.to_owned(),
            namespace: namespace.to_owned(),
            uid: object["metadata"]["uid"].clone(),
            condition: succeeded(object).clone(),
            task_runs: Vec::new(),
            without_outputs: Vec::new(),
            deleted: Vec::new(),
        }
    }

    fn to_json(&self) -> Value {
        let mut json = json!({
            "pipelineRun": self.pipeline_run,
            "namespace": self.namespace,
            "uid": self.uid,
        });
        add_condition(&mut json, &self.condition);
        json["taskRuns"] = self.task_runs.iter().map(TaskReport::to_json).collect();
        let without = self.without_outputs.iter();
        json["withoutOutputs"] = without.map(PlainTaskRun::to_json).collect();
        json["deleted"] = json!(self.deleted);
        json
    }

    fn to_text(&self) -> String {
        let mut text = heading(
            "PipelineRun",
            &self.namespace,
            &self.pipeline_run,
            &self.condition,
        );
        section(
            "TaskRuns without outputs",
            self.without_outputs.iter().map(PlainTaskRun::to_text),
            &mut text,
        );
        section("deleted TaskRuns", self.deleted.iter().cloned(), &mut text);
        text.extend(self.task_runs.iter().map(TaskReport::to_text));
        text
    }
}

/// The status of a TaskRun.
pub(super) struct TaskReport {
    task_run: String,
    namespace: String,
    uid: String,
    condition: Value,
    is_finished: bool,
    source: Source,
    results: Value,
    messages: Vec<StepMessage>,
}

/// The source of the information about outputs and objects.
enum Source {
    Sidecar(Box<Status>),
    Objects {
        created: Created,
        /// The reason why the sidecar did not respond.
        silent: String,
    },
}

impl TaskReport {
    /// Creates a report about a run whose sidecar responded.
    pub(super) fn of_sidecar(run: &TaskRun, status: Status) -> Self {
        Self::new(run, Source::Sidecar(Box::new(status)))
    }

    /// Creates a report about a run whose sidecar did not respond. `silent` is the reason.
    pub(super) fn of_objects(run: &TaskRun, created: Created, silent: String) -> Self {
        Self::new(run, Source::Objects { created, silent })
    }

    fn new(run: &TaskRun, source: Source) -> Self {
        Self {
            task_run: run.name.clone(),
            namespace: run.namespace.clone(),
            uid: run.uid.clone(),
            condition: run.condition().clone(),
            is_finished: run.is_finished(),
            source,
            results: match &run.object["status"]["results"] {
                Value::Array(results) => results.clone().into(),
                _ => json!([]),
            },
            messages: run.messages(),
        }
    }

    fn to_json(&self) -> Value {
        let mut json = json!({
            "taskRun": self.task_run,
            "namespace": self.namespace,
            "uid": self.uid,
        });
        add_condition(&mut json, &self.condition);
        json["source"] = "sidecar".into();
        match &self.source {
            Source::Sidecar(status) => json["sidecar"] = json!(status),
            Source::Objects { created, silent } => {
                json["source"] = "objects".into();
                json["sidecarMessage"] = json!(silent);
                let objects = created.objects.iter().map(CreatedObject::to_json);
                json["objects"] = objects.collect();
                json["missing"] = json!(created.missing);
                json["unread"] = json!(created.unread);
                json["results"] = self.results.clone();
                let messages = self.messages.iter();
                json["problems"] = messages
                    .map(|one| json!({"step": one.step, "message": one.message}))
                    .collect();
            }
        }
        json
    }

    fn to_text(&self) -> String {
        let mut text = heading("TaskRun", &self.namespace, &self.task_run, &self.condition);
        match &self.source {
            Source::Sidecar(status) => sidecar(status, &mut text),
            Source::Objects { created, silent } => {
                if !self.is_finished {
                    text += &format!(
                        "  {}: {}\n",
                        paint(CAUTION, "the sidecar did not respond"),
                        visible(silent)
                    );
                }
                self.objects(created, &mut text);
            }
        }
        text
    }

    fn objects(&self, created: &Created, text: &mut String) {
        let messages = self.messages.iter();
        let messages = messages.map(|one| format!("{}: {}", one.step, one.message));
        section("problems", messages, text);
        section(
            "objects",
            created.objects.iter().map(ToString::to_string),
            text,
        );
        let results = self.results.as_array().into_iter().flatten();
        let results = results.map(|result| {
            let value = match &result["value"] {
                Value::String(value) => value.clone(),
                value => value.to_string(),
            };
            format!("{}: {value}", result["name"].as_str().unwrap_or_default())
        });
        section("results", results, text);
        let missing = created.missing.iter().map(|name| match self.is_finished {
            true if !self.messages.is_empty() => format!("{name}: no object exists"),
            true => format!("{name}: no object exists; it was not created, or was deleted later"),
            false => format!("{name}: not created yet"),
        });
        section("missing", missing, text);
        section("unknown", created.unread.iter().cloned(), text);
    }
}

impl CreatedObject {
    fn to_json(&self) -> Value {
        json!({
            "resource": self.resource,
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "owned": self.is_owned,
        })
    }
}

/// Formats the object as `RESOURCE: KIND NAMESPACE/NAME`.
impl std::fmt::Display for CreatedObject {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            resource,
            kind,
            name,
            ..
        } = self;
        let namespace = self.namespace.iter();
        let namespace: String = namespace.flat_map(|name| [name.as_str(), "/"]).collect();
        let owned = if self.is_owned {
            ", will be deleted with the run"
        } else {
            ""
        };
        write!(out, "{resource}: {kind} {namespace}{name}{owned}")
    }
}

fn state(condition: &Value) -> &'static str {
    match condition["status"].as_str() {
        Some("True") => "Succeeded",
        Some("False") => "Failed",
        _ => "Running",
    }
}

/// Returns the condition's message as ` (MESSAGE)`, or an empty string if there is no message.
fn message(condition: &Value) -> String {
    let message = condition["message"].as_str();
    message.map_or_else(String::new, |message| format!(" ({message})"))
}

/// Adds the state, the reason and the message of a condition to the JSON of a run.
fn add_condition(json: &mut Value, condition: &Value) {
    json["state"] = state(condition).into();
    json["reason"] = condition["reason"].clone();
    json["message"] = condition["message"].clone();
}

/// Returns the line `KIND NAMESPACE/NAME: STATE (MESSAGE)`.
fn heading(kind: &str, namespace: &str, name: &str, condition: &Value) -> String {
    let state = state(condition);
    let style = match state {
        "Succeeded" => GOOD,
        "Failed" => BAD,
        _ => CAUTION,
    };
    let title = format!("{kind} {namespace}/{name}");
    let (title, message) = (paint(STRONG, title), visible(message(condition)));
    format!("{title}: {}{message}\n", paint(style, state))
}

fn sidecar(status: &Status, text: &mut String) {
    *text += &format!("  phase: {:?} (submit: {})\n", status.phase, status.submit);
    let steps = status.steps.iter().map(|step| {
        let state = match (step.state, step.exit_code) {
            (StepState::Failed, Some(code)) => format!("Failed with exit code {code}"),
            (state, _) => format!("{state:?}"),
        };
        match step.outputs.as_slice() {
            [] => format!("{}: {state}", step.name),
            outputs => format!("{}: {state}; outputs: {}", step.name, outputs.join(", ")),
        }
    });
    section("steps", steps, text);
    let variables = status.variables.iter().map(|variable| {
        let value = match (&variable.state, &variable.value) {
            (VariableState::Secret, _) => "(secret)".to_owned(),
            (_, Some(Value::String(value))) => value.clone(),
            (_, Some(value)) => value.to_string(),
            (state, None) => format!("({state:?})"),
        };
        format!("{}: {value}", variable.name)
    });
    section("variables", variables, text);
    let resources = status.resources.iter().map(|resource| {
        let name = resource.name.as_deref().unwrap_or("(name not yet known)");
        let state = match (&resource.error, &resource.uid) {
            (Some(error), _) => format!(": {error}"),
            (None, Some(_)) => ", exists".to_owned(),
            (None, None) => String::new(),
        };
        format!("{}: {} {name}{state}", resource.resource, resource.kind)
    });
    section("resources", resources, text);
    let waits = status.waits.iter();
    let waits =
        waits.map(|wait| format!("{}: {} (since {})", wait.resource, wait.message, wait.since));
    section("waiting for", waits, text);
    let problem = status.problem.iter();
    section(
        "problem",
        problem.map(|problem| format!("{}: {}", problem.title, problem.detail)),
        text,
    );
    section("notes", status.notes.iter().cloned(), text);
}

/// Adds a title and a line for each item to `text`. Adds nothing if there are no items.
fn section(title: &str, items: impl Iterator<Item = String>, text: &mut String) {
    let lines: String = items
        .map(|item| format!("    {}\n", visible(item)))
        .collect();
    if !lines.is_empty() {
        *text += &format!("  {}\n{lines}", paint(FAINT, title));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_from_the_cluster_do_not_reach_the_terminal() {
        let mut text = String::new();
        section(
            "results",
            ["a: \u{1b}[2J".to_owned()].into_iter(),
            &mut text,
        );
        assert!(text.ends_with("    a: \u{241b}[2J\n"), "{text:?}");
    }
}

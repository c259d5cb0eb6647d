//! The state of a run for display to users: secrets are omitted, and long values are shortened.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use crate::variable::Reference;
use gleaner_proto::failure::Failure;
use gleaner_proto::message::{
    Created, Phase, ResourceStatus, RunStatus, Status, StepState, StepStatus, VariableState,
    VariableStatus,
};
use gleaner_proto::path::FINISH_STEP;
use serde_json::Value;

use super::{Collector, Life, Stage, StepRecord};
use crate::render::{Secrecy, Values, measure, preview};

/// The maximum number of characters to show from a string, which is enough for an object's name. A list or map is shown if its
/// JSON is not longer, in bytes, than four times this number.
const SHOWN: usize = 256;
/// The approximate maximum number of characters to show from all values together. If there are many variables, fewer characters
/// are shown from each value.
const SHOWN_TOGETHER: usize = 256 << 10;
/// The minimum number of characters to show from each value.
const SHOWN_AT_LEAST: usize = 16;

impl Collector {
    /// Returns the state of the run for display to users. The caller adds the times and the submission's progress.
    pub fn status(&self) -> Status {
        Status {
            run: self.run_status(),
            phase: self.phase(),
            since: None,
            finished: self.is_finished(),
            submit: self.declaration.submit.as_str().to_owned(),
            // Omit the step that Gleaner adds. A local run sends its own requests under the same step name.
            steps: self
                .steps
                .iter()
                .filter(|(name, _)| name.as_str() != FINISH_STEP)
                .map(|(name, record)| self.step_status(name.as_str(), record))
                .collect(),
            variables: self.variable_statuses(),
            resources: self.resource_statuses(),
            stage: None,
            waits: Vec::new(),
            results: match &self.stage {
                Stage::Committed(outcome) => outcome.results.clone(),
                _ => BTreeMap::new(),
            },
            problem: match &self.stage {
                Stage::Failed(problem) => Some(problem.clone()),
                _ => None,
            },
            notes: self.notes.clone(),
        }
    }

    fn run_status(&self) -> RunStatus {
        let known = |name: &str| {
            let value = self.run.context.get(name);
            let value = value.filter(|value| !value.is_empty());
            value.map(|value| shown(value, SHOWN))
        };
        let (kind, name) = match self.run.subject() {
            Some(subject) => (Some(subject.kind), Some(shown(&subject.name, SHOWN))),
            None => (None, known("taskRun.name")),
        };
        RunStatus {
            kind,
            name,
            namespace: known("taskRun.namespace"),
            uid: known("taskRun.uid"),
            task: known("task.name"),
            pipeline_run: known("pipelineRun.name"),
            api_server: None,
        }
    }

    fn step_status(&self, name: &str, record: &StepRecord) -> StepStatus {
        let (state, exit_code) = match record {
            StepRecord::Waiting if self.life == Life::Finished => (StepState::Skipped, None),
            StepRecord::Waiting => (StepState::Waiting, None),
            StepRecord::Heard { exit_code: 0, .. } => (StepState::Received, Some(0)),
            StepRecord::Heard { exit_code, .. } => (StepState::Failed, Some(*exit_code)),
        };
        let outputs = self
            .declaration
            .outputs(name)
            .iter()
            .map(|output| output.spec.name.to_string())
            .collect();
        StepStatus {
            name: name.to_owned(),
            state,
            exit_code,
            started: None,
            finished: None,
            outputs,
        }
    }

    fn variable_statuses(&self) -> Vec<VariableStatus> {
        let variables = self.variables.iter();
        let shown = SHOWN_TOGETHER / variables.len().max(1);
        let shown = shown.clamp(SHOWN_AT_LEAST, SHOWN);
        variables
            .map(|variable| self.variable(variable, shown))
            .collect()
    }

    fn variable(&self, reference: &Reference, shown: usize) -> VariableStatus {
        let shortened = |value| shortened(value, shown);
        let (state, value) = match reference {
            Reference::Output { step, output, .. } => {
                let secret = self
                    .declaration
                    .output(step, output)
                    .is_some_and(|output| output.secret);
                let defaulted = self.defaulted.contains(&(step.clone(), output.clone()));
                match self.values.output(step, output) {
                    None => (VariableState::Pending, None),
                    Some(_) if secret => (VariableState::Secret, None),
                    Some(value) if defaulted => (VariableState::Defaulted, Some(shortened(value))),
                    Some(value) => (VariableState::Resolved, Some(shortened(value))),
                }
            }
            Reference::Param { name, .. } => known(self.values.params.get(name).map(shortened)),
            Reference::Context(name) => {
                known(self.run.context.get(name).map(|value| cut(value, shown)))
            }
            Reference::Resource { .. } => (VariableState::Resolved, None),
        };
        VariableStatus {
            name: reference.to_string(),
            state,
            value,
        }
    }

    fn light_values(&self) -> Values {
        let lightened = |values: &BTreeMap<String, Value>| {
            values
                .iter()
                .map(|(name, value)| (name.clone(), light(value)))
                .collect()
        };
        Values {
            params: lightened(&self.values.params),
            outputs: self
                .values
                .outputs
                .iter()
                .map(|(step, outputs)| (step.clone(), Arc::new(lightened(outputs))))
                .collect(),
        }
    }

    /// Returns the names that the objects will have, in the order in which the declaration lists the templates. If the objects
    /// exceed the limits for a response, the list is empty.
    fn names(&self) -> Vec<Option<String>> {
        let Self {
            declaration,
            run,
            attempts,
            ..
        } = self;
        let values = self.light_values();
        let (secrecy, bounds) = (Secrecy::Masked, &self.bounds.preview);
        if measure(declaration, &values, run, secrecy, bounds, None).is_err() {
            return Vec::new();
        }
        let (rendered, _) = preview(declaration, &values, run, attempts, secrecy);
        let name = |object: &Value| Some(object.get("metadata")?.get("name")?.as_str()?.to_owned());
        rendered
            .iter()
            .map(|rendered| name(&rendered.object))
            .collect()
    }

    fn resource_statuses(&self) -> Vec<ResourceStatus> {
        let created = match &self.stage {
            Stage::Committed(outcome) => outcome.resources.as_slice(),
            _ => &[],
        };
        let failures = match &self.stage {
            Stage::Failed(problem) => problem.failures.as_slice(),
            _ => &[],
        };
        // If several created objects belong to one template, the first one counts.
        let created: HashMap<&str, &Created> = created
            .iter()
            .rev()
            .map(|created| (created.resource.as_str(), created))
            .collect();
        let failures: HashMap<&str, &Failure> = failures
            .iter()
            .rev()
            .filter_map(|failure| Some((failure.resource.as_deref()?, failure)))
            .collect();
        // A name may depend on any variable, so no name is shown until all variables are known.
        let waits = matches!(
            self.phase(),
            Phase::Resolved | Phase::Submitting | Phase::Failed
        );
        let names = if waits && self.pending_names().is_empty() {
            self.names()
        } else {
            Vec::new()
        };
        let status = |(index, template): (usize, &crate::declaration::Template)| {
            let created = created.get(template.name.as_str());
            ResourceStatus {
                resource: template.name.to_string(),
                api_version: template.api_version.clone(),
                kind: template.kind.clone(),
                name: created
                    .map(|created| created.name.clone())
                    .or_else(|| names.get(index).cloned().flatten()),
                uid: created.map(|created| created.uid.clone()),
                error: failures.get(template.name.as_str()).map(|failure| Failure {
                    resource: None,
                    ..(*failure).clone()
                }),
            }
        };
        self.declaration
            .templates
            .iter()
            .enumerate()
            .map(status)
            .collect()
    }
}

fn known(value: Option<Value>) -> (VariableState, Option<Value>) {
    let state = if value.is_some() {
        VariableState::Resolved
    } else {
        VariableState::Pending
    };
    (state, value)
}

/// Returns a form of the value that fits on a few lines: a long string is truncated, and a long list or map is
/// replaced by its size.
fn shortened(value: &Value, shown: usize) -> Value {
    match value {
        Value::String(text) => cut(text, shown),
        Value::Array(items) if is_long(value, shown) => {
            format!("(array of {} items)", items.len()).into()
        }
        Value::Object(entries) if is_long(value, shown) => {
            format!("(object with {} keys)", entries.len()).into()
        }
        other => other.clone(),
    }
}

fn cut(text: &str, length: usize) -> Value {
    shown(text, length).into()
}

/// Returns the text. If the text is longer than `length` bytes, truncates it to `length` characters.
fn shown(text: &str, length: usize) -> String {
    if text.len() <= length {
        return text.to_owned();
    }
    let cut: String = text.chars().take(length).collect();
    format!("{cut}… ({} bytes)", text.len())
}

/// Returns true if the value's JSON is too long to show. Writing the JSON stops at the limit.
fn is_long(value: &Value, shown: usize) -> bool {
    struct Room(usize);

    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    serde_json::to_writer(Room(4 * shown), value).is_err()
}

/// Returns the value with long strings truncated. The truncated strings are still long enough to derive names from, and are cheap
/// to render.
fn light(value: &Value) -> Value {
    match value {
        Value::String(text) => text.chars().take(SHOWN).collect::<String>().into(),
        Value::Array(items) => items.iter().map(light).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), light(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

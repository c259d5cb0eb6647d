//! The report that `gleaner run` prints on standard output.

use gleaner_core::declaration::Declaration;
use gleaner_core::document::writer::to_yaml;
use serde_json::{Value, json};

use super::directory::{RunDirectory, text_files};
use super::model::Results;
use super::substitution::Substitution;
use crate::args::Form;
use crate::failure::Failure;
use crate::printing;
use gleaner_core::task::spec::TaskResult;

/// The maximum size in bytes of a container's termination message, through which Tekton passes results.
const RESULT_MAX: usize = 4096;

/// Returns the results in this order: results that the Task declares, results for the objects in the declaration, and other
/// results that the steps wrote.
pub(crate) fn results(
    directory: &RunDirectory,
    declared: &[TaskResult],
    declaration: &Declaration,
    substitution: &Substitution,
) -> Results {
    let mut results = Results::new();
    for result in declared {
        let written = std::fs::read(directory.results().join(&result.name)).ok();
        let written = written.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        // If the substitution does not replace the variable in the value, the step did not write the result to which the variable
        // refers. In that case, this result does not exist either.
        let repeated = result.value.as_ref().and_then(|value| {
            let replaced = substitution.text(value).ok()?;
            (replaced != *value || !value.contains("$(")).then_some(replaced)
        });
        if let Some(value) = written.or(repeated) {
            results.insert(result.name.clone(), value.into());
        }
    }
    let mut files = text_files(&directory.results());
    for template in declaration.templates.iter() {
        if let Some((name, text)) = files.remove_entry(template.name.as_str()) {
            results.entry(name).or_insert(text.into());
        }
    }
    for (name, text) in files {
        if !name.starts_with('.') {
            results.entry(name).or_insert(text.into());
        }
    }
    results
}

/// Returns an error for each result that would make Tekton fail the TaskRun (`validateTaskRunResults` in
/// `pkg/reconciler/taskrun/validate_taskrun.go`).
pub(crate) fn type_errors(results: &Results, declared: &[TaskResult]) -> Vec<String> {
    let mut type_errors = Vec::new();
    for result in declared {
        let (name, kind) = (&result.name, &result.kind);
        let Some(text) = results.get(name).and_then(Value::as_str) else {
            continue;
        };
        // Tekton parses a result as JSON only if its first byte is `[` or `{`.
        let value = match text.starts_with(['[', '{']) {
            true => serde_json::from_str::<Value>(text).unwrap_or_default(),
            false => Value::Null,
        };
        let (array, object) = (value.as_array(), value.as_object());
        let (fits, form) = match kind.as_str() {
            "array" => (
                array.is_some_and(|items| items.iter().all(Value::is_string)),
                "[\"a\", \"b\"]",
            ),
            "object" => (
                object.is_some_and(|map| map.values().all(Value::is_string)),
                "{\"key\": \"a\"}",
            ),
            _ => (true, ""),
        };
        if !fits {
            type_errors.push(format!(
                "the result '{name}' is of type {kind}, but the value that a step wrote is not a JSON {kind} of strings, so Tekton would fail \
                 the TaskRun; write a value such as {form}"
            ));
        }
        let lacks = |key: &&String| object.is_some_and(|map| !map.contains_key(*key));
        let missing: Vec<&str> = result
            .keys
            .iter()
            .filter(lacks)
            .map(String::as_str)
            .collect();
        if fits && kind == "object" && !missing.is_empty() {
            type_errors.push(format!(
                "the result '{name}' lacks the keys {}, which its properties declare, so Tekton would fail the TaskRun; write all declared keys",
                missing.join(", ")
            ));
        }
        if text.len() > RESULT_MAX {
            type_errors.push(format!(
                "the result '{name}' is {} bytes long, but a step's results are limited to {RESULT_MAX} bytes in total, so \
                 Tekton would fail the step; write less, or write a reference to the data",
                text.len()
            ));
        }
    }
    type_errors
}

/// The objects and results of a run, for standard output.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) objects: Vec<Value>,
    /// The results of the run, with their JSON types.
    pub(crate) results: Results,
    /// The results as strings, which YAML output shows instead of `results`.
    pub(crate) texts: Option<Results>,
    /// The tasks of a pipeline run.
    pub(crate) tasks: Vec<TaskReport>,
}

/// The status and results of one pipeline task.
#[derive(Debug)]
pub(crate) struct TaskReport {
    pub(crate) name: String,
    /// The name of the TaskRun; empty if the task did not run.
    pub(crate) run: String,
    /// `Succeeded`, `Failed` or `None`.
    pub(crate) status: &'static str,
    pub(crate) results: Results,
}

/// Prints the report. In YAML output, results are comments, so that `kubectl` can apply the output.
pub(crate) fn print(report: &Report, form: Form) -> Result<(), Failure> {
    let text = match form {
        Form::Json => format!("{:#}\n", json(report)),
        Form::Yaml => {
            let tasks = report.tasks.iter().flat_map(|task| {
                let results = task.results.iter();
                results.map(|(name, value)| {
                    format!("# task {}, result {name}: {}\n", task.name, line(value))
                })
            });
            let results = report.texts.as_ref().unwrap_or(&report.results).iter();
            let results =
                results.map(|(name, value)| format!("# result {name}: {}\n", line(value)));
            let comments: String = tasks.chain(results).collect();
            format!("{}{comments}", to_yaml(&report.objects))
        }
    };
    printing::write(&text)
}

fn json(report: &Report) -> Value {
    let mut value = json!({"resources": report.objects, "results": report.results});
    if !report.tasks.is_empty() {
        let tasks = report.tasks.iter().map(|task| {
            json!({"name": task.name, "taskRun": task.run, "status": task.status, "results": task.results})
        });
        value["tasks"] = tasks.collect();
    }
    value
}

/// Formats a result on one line: a string as plain text without a final line break, and any other value as JSON. A string that
/// contains control characters other than a final line break is also formatted as JSON.
fn line(value: &Value) -> String {
    let text = value.as_str();
    match text.map(|text| text.strip_suffix('\n').unwrap_or(text)) {
        Some(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => value.to_string(),
    }
}

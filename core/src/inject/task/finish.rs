//! Who tells the sidecar that all steps have ended.

use gleaner_proto::path::{FINISH_STEP, IMAGE_REDIRECTOR};
use serde_json::{Map, Value};

use crate::inject::settings::Settings;

/// Who finishes the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The redirector of the last step.
    LastStep,
    /// A step of Gleaner's own behind it.
    OwnStep,
}

/// Who can: the last step where it always runs and its exit code counts. One with `when` may be skipped, and then Tekton's
/// entrypoint starts nothing; one with `onError: continue` may fail without failing the run. A step of its own costs up to
/// a second, for Tekton's entrypoint looks once a second whether the step before has ended (`cmd/entrypoint/main.go`).
pub(crate) fn needed(spec: &Map<String, Value>) -> Finish {
    let last = spec
        .get("steps")
        .and_then(Value::as_array)
        .and_then(|steps| steps.last());
    let says = |key: &str| {
        let value = last.and_then(|step| step.get(key));
        value.filter(|value| {
            !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        })
    };
    // A variable in onError is known only to the run.
    let counts = says("onError").is_none_or(|on_error| on_error == "stopAndFail");
    if says("when").is_none() && counts {
        Finish::LastStep
    } else {
        Finish::OwnStep
    }
}

/// The step that finishes.
pub(super) fn step(settings: &Settings, resources: &str) -> Value {
    let mut step = Map::from_iter([("name".to_owned(), Value::from(FINISH_STEP))]);
    step.extend(settings.container(resources));
    // Tekton merges the Task's stepTemplate into it.
    step["securityContext"]["privileged"] = false.into();
    step.insert("command".to_owned(), Value::from_iter([IMAGE_REDIRECTOR]));
    step.insert("args".to_owned(), Value::from_iter(["finish"]));
    step.into()
}

/// Whether it is the step that [`step`] makes, under whatever settings.
pub(crate) fn is_own_step(step: &Value) -> bool {
    let first = |key: &str| step.get(key).and_then(|list| list.get(0));
    step.get("name").is_some_and(|name| name == FINISH_STEP)
        && first("command").is_some_and(|command| command == IMAGE_REDIRECTOR)
        && first("args").is_some_and(|argument| argument == "finish")
}

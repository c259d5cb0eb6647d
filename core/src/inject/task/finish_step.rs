//! The added step that finishes a run if the last step cannot.

use std::time::Duration;

use gleaner_proto::duration;
use gleaner_proto::path::{FINISH_STEP, IMAGE_REDIRECTOR};
use gleaner_proto::redirector::{ANSWER_TIMEOUT, FINISH_COMMAND, INJECTED};
use serde_json::{Map, Value};

use crate::inject::settings::Settings;

pub(super) fn step(
    settings: &Settings,
    resources: &str,
    answer_timeout: Option<Duration>,
) -> Value {
    let mut step = Map::from_iter([("name".to_owned(), Value::from(FINISH_STEP))]);
    step.extend(settings.container(resources));
    // `privileged` is set explicitly, because Tekton merges the Task's stepTemplate, which may set it to true, into this step.
    step["securityContext"]["privileged"] = false.into();
    step.insert("command".to_owned(), Value::from_iter([IMAGE_REDIRECTOR]));
    let timeout = answer_timeout.map(|timeout| ANSWER_TIMEOUT.with(duration::written(timeout)));
    let flags = [FINISH_COMMAND, INJECTED].map(str::to_owned);
    let args = flags.into_iter().chain(timeout);
    step.insert("args".to_owned(), args.collect());
    step.into()
}

/// Returns true if `step` is the step that [`step`] creates, with any settings.
pub(super) fn is_own_step(step: &Value) -> bool {
    step["name"] == FINISH_STEP
        && step["command"][0] == IMAGE_REDIRECTOR
        && step["args"][0] == FINISH_COMMAND
}

//! Reads a [`WaitFor`] from YAML.

use std::time::Duration;

use super::field_path::FieldPath;
use super::model::{WaitFor, WaitTarget};
use crate::document::Content;
use crate::document::{Cursor, Diagnostics};
use gleaner_proto::duration;

pub(super) const WAIT_FOR: [&str; 7] = [
    "condition",
    "jsonPath",
    "value",
    "rollout",
    "failure",
    "keepOnFailure",
    "timeout",
];
pub(super) const FAILURE: [&str; 3] = ["condition", "jsonPath", "value"];

/// The default timeout of `waitFor`.
const WAIT_DEFAULT: Duration = Duration::from_secs(5 * 60);

/// The maximum timeout of `waitFor`. The injected redirector waits for a response at least as long as the declared timeout.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The kinds of `apps/v1` that report a rollout.
const WITH_ROLLOUT: [&str; 3] = ["DaemonSet", "Deployment", "StatefulSet"];

/// Reads the `waitFor` of an object with this `apiVersion` and `kind`.
pub(super) fn read(
    wait: &Cursor<'_>,
    (api_version, kind): (Option<&str>, Option<&str>),
    findings: &mut Diagnostics,
) -> Option<WaitFor> {
    if !is_map(wait, findings) {
        return None;
    }
    wait.fields(&WAIT_FOR, findings);
    let field = wait.field("timeout");
    let given = field
        .as_ref()
        .and_then(|timeout| timeout.parsed(duration::parse, findings));
    let timeout = given.unwrap_or(WAIT_DEFAULT);
    if timeout > WAIT_MAX {
        let help = format!(
            "use a timeout of at most {}, and continue to wait in the next task",
            duration::written(WAIT_MAX)
        );
        let message = format!("the timeout {} is too long", duration::written(timeout));
        findings.refuse(field.as_ref().unwrap_or(wait), message, help);
    }
    let failure = wait.field("failure").and_then(|failure| {
        if !is_map(&failure, findings) {
            return None;
        }
        failure.fields(&FAILURE, findings);
        target(&failure, &FAILURE, findings)
    });
    let keep_on_failure = wait.flag_at("keepOnFailure", findings);
    let target = match wait.field("rollout") {
        Some(rollout) if rollout.flag(findings)? => {
            let supported = api_version == Some("apps/v1")
                && kind.is_some_and(|kind| WITH_ROLLOUT.contains(&kind));
            if !supported {
                let message =
                    "only a Deployment, StatefulSet or DaemonSet of apps/v1 has a rollout";
                let help = "use 'condition' or 'jsonPath' instead";
                findings.refuse(&rollout, message, help);
            }
            if wait.field("condition").is_some() || wait.field("jsonPath").is_some() {
                let message = "'rollout', 'condition' and 'jsonPath' are mutually exclusive";
                findings.refuse(wait, message, "keep one of them");
            }
            WaitTarget::Rollout
        }
        _ => target(wait, &WAIT_FOR, findings)?,
    };
    if failure
        .as_ref()
        .is_some_and(|failure| is_met_with(failure, &target))
    {
        let at = wait.field("failure");
        let message = "the wait would fail as soon as the object is ready, because 'failure' is the state to wait for";
        let help = "use a state that only a failed object has, or remove 'failure'";
        findings.refuse(at.as_ref().unwrap_or(wait), message, help);
    }
    Some(WaitFor {
        target,
        failure,
        keep_on_failure,
        timeout,
    })
}

/// The example in messages about a missing or wrong state.
const EXAMPLE: &str = "for example condition: Ready, or jsonPath: .status.phase and value: Running";

/// Reports an error and returns false if the `waitFor` or `failure` is not a map.
fn is_map(wait: &Cursor<'_>, findings: &mut Diagnostics) -> bool {
    let is_map = wait.node.mapping().is_some();
    if !is_map {
        let message = format!("expected a map, found {}", wait.node.describe());
        findings.refuse(wait, message, EXAMPLE);
    }
    is_map
}

/// Returns true if an object in the state `ready` is also in the state `failure`.
fn is_met_with(failure: &WaitTarget, ready: &WaitTarget) -> bool {
    match (failure, ready) {
        (WaitTarget::Conditions(failure), WaitTarget::Conditions(ready)) => {
            failure.iter().all(|condition| ready.contains(condition))
        }
        (failure, ready) => failure == ready,
    }
}

/// Reads a state: conditions or a field. `known` contains the fields that are allowed in the map.
fn target(wait: &Cursor<'_>, known: &[&str], findings: &mut Diagnostics) -> Option<WaitTarget> {
    let value = wait
        .field("value")
        .and_then(|value| match &value.node.content {
            Content::String(text) => Some(text.clone()),
            Content::Boolean(_) | Content::Number(_) => Some(value.node.to_json().to_string()),
            _ => {
                value.expected("a string, number or boolean", findings);
                None
            }
        });
    let target = match (wait.field("condition"), wait.field("jsonPath")) {
        (Some(condition), None) => WaitTarget::Conditions(conditions(&condition, findings)?),
        (None, Some(path)) => WaitTarget::Field {
            path: path.parsed(str::parse::<FieldPath>, findings)?,
            value,
        },
        (None, None) => {
            // The state may be declared under a misspelled key, which another check reports.
            let mut keys = wait.node.mapping().into_iter().flatten();
            if keys.all(|(key, _)| known.contains(&key.name.as_str())) {
                findings.refuse(wait, "'condition' or 'jsonPath' is missing", EXAMPLE);
            }
            return None;
        }
        (Some(_), Some(_)) => {
            let message = "'condition' and 'jsonPath' are mutually exclusive";
            findings.refuse(wait, message, "remove one");
            return None;
        }
    };
    if matches!(target, WaitTarget::Conditions(_)) && wait.field("value").is_some() {
        let message = "'value' requires 'jsonPath', because a condition must always be True";
        let value = wait.field("value");
        findings.refuse(value.as_ref().unwrap_or(wait), message, "remove 'value'");
    }
    Some(target)
}

/// Reads one condition or a list of conditions.
fn conditions(cursor: &Cursor<'_>, findings: &mut Diagnostics) -> Option<Vec<String>> {
    if !matches!(cursor.node.content, Content::Sequence(_)) {
        return Some(vec![condition(cursor, findings)?]);
    }
    let items = cursor.items(findings);
    if items.is_empty() {
        findings.refuse(
            cursor,
            "the list of conditions is empty",
            "for example [Ready]",
        );
        return None;
    }
    items.iter().map(|item| condition(item, findings)).collect()
}

/// Reads the type of one condition. Users may copy `condition=Ready` from a `kubectl wait` command, so a string with `=` is
/// rejected with a remedy that contains the type alone.
fn condition(cursor: &Cursor<'_>, findings: &mut Diagnostics) -> Option<String> {
    let text = cursor.text(findings)?;
    let (kind, status) = match text.strip_prefix("condition=").unwrap_or(text) {
        rest if rest.contains('=') => rest.split_once('=')?,
        rest => (rest, "True"),
    };
    if text.contains('=') {
        let help = if status.eq_ignore_ascii_case("true") {
            format!("write only the type, {kind}, because a condition must always be True")
        } else {
            format!(
                "use a condition other than {kind}, or a field with jsonPath, because a condition must always be True"
            )
        };
        findings.refuse(cursor, format!("'{text}' is not a condition type"), help);
        return None;
    }
    if text.is_empty() {
        findings.refuse(cursor, "the condition type is empty", EXAMPLE);
        return None;
    }
    Some(text.to_owned())
}

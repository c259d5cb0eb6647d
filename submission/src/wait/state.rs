//! The state of an object during a wait: ready, not ready yet, or failed.

use std::time::Duration;

use gleaner_core::declaration::{FieldPath, WaitTarget};
use gleaner_core::render::Disclosure;
use gleaner_proto::message::WaitKind;
use serde_json::{Map, Value};

use super::terminal;
use crate::answer::{bounded, text};
use crate::error::Reason;
use crate::item::Item;

/// A condition that is not met yet.
pub(super) struct Pending {
    /// A clause about the condition that was not met, such as `condition Ready did not become True`.
    awaited: String,
    seen: String,
    kind: WaitKind,
}

/// Returns the results if the object is ready.
pub(super) fn check(item: &Item, object: &Value) -> Result<Map<String, Value>, Pending> {
    if let Some(wait_for) = &item.wait_for {
        reached(item, object, &wait_for.target)?;
    }
    let read = |(name, path): &(String, FieldPath)| match path.get(object) {
        None | Some(Value::Null) => Err(Pending {
            awaited: format!("result {name}: {path} did not appear"),
            seen: format!("no {path}"),
            kind: WaitKind::Result,
        }),
        Some(value) => Ok((name.clone(), Value::String(as_text(value)))),
    };
    item.results.iter().map(read).collect()
}

/// Returns true if messages may quote a controller's text about the object. Messages must not contain fields of a Secret, or
/// any text about another object that contains a secret.
fn is_shown(item: &Item) -> bool {
    item.place.kind.name.kind != "Secret" && item.place.disclosure == Disclosure::Full
}

fn reached(item: &Item, object: &Value, target: &WaitTarget) -> Result<(), Pending> {
    let show = is_shown(item);
    match target {
        WaitTarget::Conditions(names) => {
            for name in names {
                condition(object, name, show)?;
            }
            let kind = &item.place.kind.name;
            // During a rollout, the old ReplicaSet can make a Deployment available although the new ReplicaSet cannot start, so
            // the new one is checked too.
            let is_available = kind.group() == "apps"
                && kind.kind == "Deployment"
                && names.iter().any(|name| name == "Available");
            let has_replicas = object["status"]["replicas"].as_i64() > Some(0);
            if is_available && has_replicas {
                rollout(&kind.kind, object)?;
            }
            Ok(())
        }
        WaitTarget::Field { path, value } => field(object, path, value.as_deref(), show),
        WaitTarget::Rollout => rollout(&item.place.kind.name.kind, object),
    }
}

/// Returns the failure reason if the status shows that the object will never be ready.
pub(super) fn failed(item: &Item, object: &Value) -> Option<Reason> {
    let wait_for = item.wait_for.as_ref()?;
    let seen = match &wait_for.failure {
        Some(failure) if reached(item, object, failure).is_ok() => {
            Some(seen(object, failure, is_shown(item)))
        }
        _ => terminal::find(
            &item.place.kind.name,
            object,
            &wait_for.target,
            is_shown(item),
        ),
    };
    Some(Reason::ObjectFailed {
        awaited: awaited(&wait_for.target, is_shown(item)),
        seen: bounded(&seen?),
    })
}

/// Formats a wait target for the end of a message.
fn awaited(target: &WaitTarget, show: bool) -> String {
    match target {
        WaitTarget::Conditions(names) => format!("condition {}", names.join(", ")),
        WaitTarget::Field { path, value } => match value {
            Some(value) if show => format!("{path} to become '{value}'"),
            _ => path.to_string(),
        },
        WaitTarget::Rollout => "the rollout".to_owned(),
    }
}

/// Describes the part of the status that matches the declared failure.
fn seen(object: &Value, failure: &WaitTarget, show: bool) -> String {
    match failure {
        WaitTarget::Conditions(names) => {
            let said = names
                .iter()
                .filter_map(|name| Some(said(name, find(object, name)?, show)));
            said.collect::<Vec<_>>().join("; ")
        }
        WaitTarget::Field { path, .. } => match path.get(object) {
            Some(value) if show => format!("{path} is '{}'", as_text(value)),
            _ => format!("{path} satisfies waitFor.failure"),
        },
        WaitTarget::Rollout => String::new(),
    }
}

/// Returns the condition whose type is `name`.
pub(super) fn find<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.find(|condition| condition["type"] == name)
}

/// Returns true if the controller has processed the newest generation. Conditions from an earlier generation are ignored.
pub(super) fn is_current(object: &Value, condition: &Value) -> bool {
    let generation = object["metadata"]["generation"].as_i64();
    let is_old = |observed: &Value| observed.is_i64() && observed.as_i64() < generation;
    ![&object["status"], condition]
        .iter()
        .any(|one| is_old(&one["observedGeneration"]))
}

/// Formats a condition, such as `Ready is False (Reason): message`.
pub(super) fn said(name: &str, condition: &Value, show: bool) -> String {
    let said = format!("{name} is {}", text(condition, "/status"));
    with_cause(said, condition, show)
}

/// Appends the reason and the message of a condition or a status, if they exist and may be shown.
pub(super) fn with_cause(mut said: String, cause: &Value, show: bool) -> String {
    if !show {
        return said;
    }
    let (reason, message) = (text(cause, "/reason"), text(cause, "/message"));
    if !reason.is_empty() {
        said = format!("{said} ({reason})");
    }
    if !message.is_empty() {
        said = format!("{said}: {message}");
    }
    said
}

/// Checks a rollout by the rules of `kubectl rollout status` (`k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`).
fn rollout(kind: &str, object: &Value) -> Result<(), Pending> {
    let status = &object["status"];
    let number = |name: &str| status[name].as_i64().unwrap_or_default();
    let pending = |seen: String| {
        Err(Pending {
            awaited: "the rollout was not complete".to_owned(),
            seen,
            kind: WaitKind::Readiness,
        })
    };
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
    if number("observedGeneration") < generation {
        return pending("its controller has not observed the change yet".to_owned());
    }
    let (wanted, updated, all, available) = match kind {
        "DaemonSet" => (
            number("desiredNumberScheduled"),
            number("updatedNumberScheduled"),
            number("currentNumberScheduled"),
            number("numberAvailable"),
        ),
        "StatefulSet" => {
            let partition = &object["spec"]["updateStrategy"]["rollingUpdate"]["partition"];
            let partition = partition.as_i64().unwrap_or_default();
            let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
            let is_updated = partition > 0 || status["updateRevision"] == status["currentRevision"];
            let updated = if is_updated && partition == 0 {
                replicas
            } else {
                number("updatedReplicas")
            };
            let ready = number("readyReplicas");
            if ready < replicas {
                return pending(format!("{ready} of {replicas} replicas are ready"));
            }
            (replicas - partition.min(replicas), updated, 0, replicas)
        }
        _ => (
            object["spec"]["replicas"].as_i64().unwrap_or(1),
            number("updatedReplicas"),
            number("replicas"),
            number("availableReplicas"),
        ),
    };
    if updated < wanted {
        pending(format!("{updated} of {wanted} replicas are updated"))
    } else if all > updated {
        pending(format!("{} old replicas still exist", all - updated))
    } else if available < wanted {
        pending(format!(
            "{available} of {wanted} updated replicas are available"
        ))
    } else {
        Ok(())
    }
}

fn condition(object: &Value, name: &str, show: bool) -> Result<(), Pending> {
    let pending = |seen: String| {
        Err(Pending {
            awaited: format!("condition {name} did not become True"),
            seen: bounded(&seen),
            kind: WaitKind::Readiness,
        })
    };
    let Some(condition) = find(object, name) else {
        return pending(format!("its status has no condition {name}"));
    };
    if !is_current(object, condition) {
        return pending("its controller has not observed the change yet".to_owned());
    }
    if condition["status"] == "True" {
        Ok(())
    } else if show {
        pending(said(name, condition, true))
    } else {
        pending(format!("{name} is not True"))
    }
}

fn field(
    object: &Value,
    path: &FieldPath,
    wanted: Option<&str>,
    show: bool,
) -> Result<(), Pending> {
    let seen = path
        .get(object)
        .filter(|value| !value.is_null())
        .map(as_text);
    let fulfilled = match (&seen, wanted) {
        (Some(seen), Some(wanted)) => seen == wanted,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if fulfilled {
        return Ok(());
    }
    let awaited = match wanted {
        Some(wanted) if show => format!("{path} did not become '{wanted}'"),
        Some(_) => format!("{path} did not become the value in waitFor"),
        None => format!("{path} did not appear"),
    };
    let seen = match seen {
        None => format!("no {path}"),
        Some(_) if !show => "another value".to_owned(),
        Some(seen) => bounded(&format!("'{seen}'")),
    };
    let kind = WaitKind::Readiness;
    Err(Pending {
        awaited,
        seen,
        kind,
    })
}

/// Converts a result value to text: a string stays unchanged, and any other value becomes compact JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

// === impl Pending ===

impl Pending {
    pub(super) const fn kind(&self) -> WaitKind {
        self.kind
    }

    /// Returns the condition and the last observation, for example
    /// `condition Available did not become True yet; last seen: Available is False`.
    pub(super) fn message(&self) -> String {
        let Self { awaited, seen, .. } = self;
        format!("{awaited} yet; last seen: {seen}")
    }

    pub(super) fn failed(self, within: Duration, trouble: Option<String>) -> Reason {
        let last = match trouble {
            Some(words) => format!("{} (the last check failed: {words})", self.seen),
            None => self.seen,
        };
        let remedy = match self.kind {
            WaitKind::Result => {
                "check that the controller of this kind sets the field; if the object only needs more time, raise waitFor.timeout"
            }
            _ => "if the object only needs more time, raise waitFor.timeout",
        };
        Reason::WaitFailed {
            awaited: self.awaited,
            within,
            last,
            remedy,
        }
    }
}

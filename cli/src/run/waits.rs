//! Describes the waits of a declaration (`waitFor`). The embedded API server has no controllers to fulfill them.

use std::time::Duration;

use gleaner_core::declaration::{Declaration, WaitTarget};
use serde_json::Value;
use tokio::time::Instant;

/// The delay before a wait is first reported.
const FIRST: Duration = Duration::from_secs(2);
/// The interval between later reports.
const AGAIN: Duration = Duration::from_secs(10);

/// Returns the name of each object that has a `waitFor`, and a description of its condition and timeout.
pub(crate) fn of(declaration: &Declaration) -> Vec<(String, String)> {
    let waits = declaration.templates.iter().filter_map(|template| {
        let wait = template.wait_for.as_ref()?;
        let target = match &wait.target {
            WaitTarget::Conditions(conditions) => format!("condition {}", conditions.join(", ")),
            WaitTarget::Rollout => "rollout".to_owned(),
            WaitTarget::Field {
                path,
                value: Some(value),
            } => format!("{path} = {value}"),
            WaitTarget::Field { path, value: None } => format!("a value of {path}"),
        };
        let description = format!("{target}, at most {:?}", wait.timeout);
        Some((template.name.to_string(), description))
    });
    waits.collect()
}

/// Returns a note that no controller will fulfill the declaration's waits.
pub(crate) fn note(declaration: &Declaration) -> Option<String> {
    let waits = of(declaration);
    let waits: Vec<String> = waits
        .iter()
        .map(|(name, target)| format!("'{name}' ({target})"))
        .collect();
    (!waits.is_empty()).then(|| {
        format!(
            "the embedded API server has no controllers that update the status of objects, so waiting for {} may time out; \
             use --no-wait to skip the waits",
            waits.join(", ")
        )
    })
}

/// Removes the waits of a declaration, and the results that are read from `.status`, which only controllers set.
pub(crate) fn remove_waits(declaration: &mut Value) {
    let objects = declaration.get_mut("objects").and_then(Value::as_array_mut);
    for object in objects
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        object.remove("waitFor");
        let results = object.get_mut("results").and_then(Value::as_object_mut);
        if let Some(results) = results {
            let is_status = |path: &Value| {
                path.as_str()
                    .is_some_and(|path| path.starts_with(".status"))
            };
            results.retain(|_, path| !is_status(path));
        }
    }
}

/// The start of the current wait, and the time of the last report.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Waiting {
    /// Returns the line to print now, or `None` if no report is due. `waiting` is true while the submission is in progress.
    pub(crate) fn line(&mut self, waiting: bool, declaration: &Declaration) -> Option<String> {
        if !waiting {
            *self = Self::default();
            return None;
        }
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let due = self.told.map_or(since + FIRST, |told| told + AGAIN);
        let waits = of(declaration);
        if now < due || waits.is_empty() {
            return None;
        }
        self.told = Some(now);
        let waits: Vec<String> = waits
            .iter()
            .map(|(name, target)| format!("'{name}' ({target})"))
            .collect();
        let seconds = now.duration_since(since).as_secs();
        Some(format!("waiting for {} for {seconds}s", waits.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_and_results_from_the_status_are_removed() {
        let mut declaration = json!({"objects": [
            {"name": "a", "waitFor": {"condition": "Complete"}, "results": {"url": ".status.url", "ip": ".spec.clusterIP"}},
        ]});
        remove_waits(&mut declaration);
        assert_eq!(
            declaration,
            json!({"objects": [{"name": "a", "results": {"ip": ".spec.clusterIP"}}]})
        );
    }
}

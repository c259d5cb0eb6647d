//! Describes what a run waits for: a step, or the conditions in the declaration (`waitFor`).

use std::time::Duration;

use gleaner_core::declaration::{Declaration, WaitTarget};
use gleaner_proto::message::{Phase, Status};
use serde_json::Value;
use tokio::time::Instant;

/// If standard error is not a terminal, a wait is first reported after this time. The time doubles with each report.
const FIRST: Duration = Duration::from_secs(10);

/// For each object that has a `waitFor`, returns the object's name and a description of the condition and timeout.
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

/// Returns a note for the user: waits may time out, because no controller updates the objects. Returns `None` if the
/// declaration contains no `waitFor`.
pub(crate) fn note(declaration: &Declaration) -> Option<String> {
    let waits = of(declaration);
    let waits: Vec<String> = waits
        .iter()
        .map(|(name, target)| format!("'{name}' ({target})"))
        .collect();
    (!waits.is_empty()).then(|| {
        format!(
            "the local API server has no controllers that update the status of objects, so waiting for {} may time out; \
             use --no-wait to skip the waits",
            waits.join(", ")
        )
    })
}

/// Returns true for the path of a field that only a controller sets.
fn is_status(path: &str) -> bool {
    path.starts_with(".status")
}

/// Removes the waits from a declaration, and also the results that are read from `.status`, because no controller updates the
/// objects in the local API server.
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
            results.retain(|_, path| !path.as_str().is_some_and(is_status));
        }
    }
}

/// A running step or an object that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    /// A phrase about the step or the object, such as `step build is running`.
    subject: String,
    /// If the run waits for a single object, the condition of that object.
    state: Option<String>,
}

impl Wait {
    /// If a submission is in progress, returns the wait for its objects; otherwise, returns the wait for the running step.
    pub(crate) fn of(step: &str, status: &Status, declaration: &Declaration) -> Self {
        if status.phase != Phase::Submitting {
            return Self {
                subject: format!("step {step} is running"),
                state: None,
            };
        }
        let named = |name: &str| {
            let resource = status.resources.iter().find(|one| one.resource == name);
            resource.map_or_else(
                || name.to_owned(),
                |one| format!("{}/{}", one.kind, one.name.as_deref().unwrap_or(name)),
            )
        };
        let waits = of(declaration).into_iter();
        let results = declaration.templates.iter().filter_map(|template| {
            let mut paths = template.results.values().map(ToString::to_string);
            let path = paths.find(|path| template.wait_for.is_none() && is_status(path))?;
            Some((template.name.to_string(), format!("a value of {path}")))
        });
        let mut waits: Vec<(String, String)> = waits
            .chain(results)
            .map(|(name, state)| (named(&name), state))
            .collect();
        match waits.as_mut_slice() {
            // Even without `waitFor`, a submission may take a long time, for example if the API server does not respond or a
            // quota is exhausted.
            [] => {
                let all = declaration.templates.iter();
                let all: Vec<String> = all.map(|template| named(template.name.as_str())).collect();
                Self {
                    subject: format!("creating {}", all.join(", ")),
                    state: None,
                }
            }
            [(object, state)] => Self {
                subject: format!("waiting for {object}"),
                state: Some(std::mem::take(state)),
            },
            several => {
                let several = several
                    .iter()
                    .map(|(object, state)| format!("{object} ({state})"));
                Self {
                    subject: format!("waiting for {}", several.collect::<Vec<_>>().join(", ")),
                    state: None,
                }
            }
        }
    }
}

/// A wait, with its start time and the time of its next report.
#[derive(Debug)]
pub(crate) struct Waiting {
    wait: Wait,
    since: Instant,
    /// The next report is due when the wait has lasted this long.
    due: Duration,
}

impl Waiting {
    /// Returns a wait that starts at `now`.
    pub(crate) const fn new(wait: Wait, now: Instant) -> Self {
        let (since, due) = (now, FIRST);
        Self { wait, since, due }
    }

    pub(crate) fn is_for(&self, wait: &Wait) -> bool {
        self.wait == *wait
    }

    /// Returns a line with the wait's subject, its duration at `now`, and its state.
    pub(crate) fn line(&self, now: Instant) -> String {
        let Wait { subject, state } = &self.wait;
        let seconds = now.duration_since(self.since).as_secs();
        let state = state.iter().map(|state| format!(" ({state})"));
        format!("{subject}: {seconds}s elapsed{}", state.collect::<String>())
    }

    /// If a report is due at `now`, returns [`line`](Self::line) and doubles the time until the next report.
    pub(crate) fn report(&mut self, now: Instant) -> Option<String> {
        (now.duration_since(self.since) >= self.due).then(|| {
            self.due *= 2;
            self.line(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wait_is_reported_after_ten_seconds_and_then_at_doubled_intervals() {
        let (begin, state) = (Instant::now(), Some("condition Available".to_owned()));
        let subject = "waiting for Deployment/web".to_owned();
        let mut waiting = Waiting::new(Wait { subject, state }, begin);
        let reports =
            (0..100).filter_map(|seconds| waiting.report(begin + Duration::from_secs(seconds)));
        let lines: Vec<String> = reports.collect();
        let line = |seconds| {
            format!("waiting for Deployment/web: {seconds}s elapsed (condition Available)")
        };
        assert_eq!(lines, [10, 20, 40, 80].map(line));
    }

    #[test]
    fn a_wait_describes_the_step_or_the_objects_and_their_conditions() {
        let wait = |phase: &str, fields: [&str; 2]| {
            let objects = ["a", "b"].iter().zip(fields).map(|(name, fields)| {
                format!("  - name: {name}\n{fields}    resourceTemplate: {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}}}\n")
            });
            let text = format!("steps: {{}}\nobjects:\n{}", objects.collect::<String>());
            let declaration = Declaration::parse(&text, &Default::default()).unwrap();
            let resources = ["a", "b"].map(|name| json!({"resource": name, "apiVersion": "apps/v1", "kind": "Deployment", "name": name}));
            let status = json!({"phase": phase, "submit": "Resolved", "steps": [], "variables": [], "resources": resources});
            let status = serde_json::from_value(status).unwrap();
            let now = Instant::now();
            Waiting::new(Wait::of("task/one", &status, &declaration), now).line(now)
        };
        let (ready, url) = (
            "    waitFor: {condition: Available, timeout: 1m}\n",
            "    results: {u: .status.url}\n",
        );
        assert_eq!(
            wait("Collecting", [ready, url]),
            "step task/one is running: 0s elapsed"
        );
        assert_eq!(
            wait("Submitting", ["", ""]),
            "creating Deployment/a, Deployment/b: 0s elapsed"
        );
        assert_eq!(
            wait("Submitting", [ready, ""]),
            "waiting for Deployment/a: 0s elapsed (condition Available, at most 60s)"
        );
        assert_eq!(
            wait("Submitting", ["", url]),
            "waiting for Deployment/b: 0s elapsed (a value of .status.url)"
        );
        assert_eq!(
            wait("Submitting", [ready, url]),
            "waiting for Deployment/a (condition Available, at most 60s), Deployment/b (a value of .status.url): 0s elapsed"
        );
    }

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

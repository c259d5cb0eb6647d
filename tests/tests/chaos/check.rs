//! The promises that every finished run must keep.

use serde_json::Value;

use crate::foreign::Foreign;
use crate::plan::Plan;

/// The final state of a run: the outcome that the run reported, and the objects that exist.
pub(crate) struct End<'a> {
    pub(crate) plan: &'a Plan,
    /// The response to GET /v1/status.
    pub(crate) status: &'a Value,
    /// All objects in the namespace.
    pub(crate) existing: Vec<Value>,
    pub(crate) foreign: &'a Foreign,
    /// The results that were written when the run finished, by name.
    pub(crate) results: Vec<(String, Value)>,
}

/// Returns the promises that the run broke.
pub(crate) fn violations(mut end: End<'_>) -> Vec<String> {
    let (mut wrong, applied_to) = end.foreign.take_out(&mut end.existing);
    match end.status["phase"].as_str() {
        Some("Committed") => wrong.extend(committed(&end, &applied_to)),
        Some("Failed") => wrong.extend(failed(&end, &applied_to)),
        phase => wrong.push(format!("the run finished in the phase {phase:?}")),
    }
    wrong
}

fn committed(end: &End<'_>, applied_to: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    if end.plan.is_blocked() || end.foreign.has_appeared() {
        wrong.push(
            "the run succeeded, although another client's object has the name of one of the run's objects"
                .to_owned(),
        );
    }
    let all: Vec<&Value> = end.existing.iter().chain(applied_to).collect();
    let name_of = |resource: &str| status_of(end.status, resource)["name"].clone();
    for object in &end.plan.objects {
        let status = status_of(end.status, &object.name);
        let kind = object.kind.names().1;
        let of_run: Vec<&&Value> = all
            .iter()
            .filter(|existing| {
                existing["kind"] == kind && existing["metadata"]["name"] == status["name"]
            })
            .collect();
        let [existing] = of_run.as_slice() else {
            wrong.push(format!("{} does not exist: {status}", object.name));
            continue;
        };
        if existing["metadata"]["uid"] != status["uid"] {
            wrong.push(format!(
                "{} does not have the UID in {status}: {existing}",
                object.name
            ));
        }
        let result = end.results.iter().find(|(name, _)| *name == object.name);
        let result = result.map(|(_, result)| &result["uid"]);
        if result != Some(&existing["metadata"]["uid"]) {
            wrong.push(format!(
                "the result of {} has the UID {result:?}, but the object is {existing}",
                object.name
            ));
        }
        wrong.extend(object.differences(existing, |other| {
            name_of(other).as_str().unwrap_or_default().to_owned()
        }));
    }
    if all.len() != end.plan.objects.len() {
        let names: Vec<&Value> = all.iter().map(|one| &one["metadata"]["name"]).collect();
        wrong.push(format!(
            "{} objects were declared, and these exist: {names:?}",
            end.plan.objects.len()
        ));
    }
    wrong
}

fn failed(end: &End<'_>, applied_to: &[Value]) -> Vec<String> {
    let problem = &end.status["problem"];
    let named = |list: &str, object: &Value| {
        let objects = problem[list].as_array();
        objects.into_iter().flatten().any(|one| {
            let one = if list == "left" { &one["object"] } else { one };
            one["kind"] == object["kind"] && one["name"] == object["metadata"]["name"]
        })
    };
    let mut wrong = Vec::new();
    for object in &end.existing {
        if !named("left", object) {
            wrong.push(format!(
                "the run failed without reporting an object that remains: {object}"
            ));
        }
    }
    for object in applied_to {
        if !named("left", object) && !named("kept", object) {
            wrong.push(format!(
                "the run failed without reporting an object to which it applied fields: {object}"
            ));
        }
    }
    if problem["exitCode"].is_null() && problem.is_null() {
        wrong.push("the run failed without reporting a problem".to_owned());
    }
    wrong
}

fn status_of<'a>(status: &'a Value, resource: &str) -> &'a Value {
    let resources = status["resources"].as_array();
    let mut resources = resources.into_iter().flatten();
    let found = resources.find(|one| one["resource"] == resource);
    found.unwrap_or(&Value::Null)
}

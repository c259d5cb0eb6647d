//! Tests objects in which one value has a different type: they are injected, or rejected with the path of the error, but never
//! cause a panic.

use gleaner_core::document::{Content, Node, Place};
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, Refusal, ResultsFrom, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, JOB, pod as reviewed, tekton_pod};
use crate::support::{settings, yaml};

const SPEC: &str = "
params: [{name: p, type: string, default: x}]
workspaces: [{name: w}]
results: [{name: r}]
volumes: [{name: v, emptyDir: {}}]
stepTemplate: {env: [{name: A, value: b}], volumeMounts: [{name: v, mountPath: /v}]}
sidecars: [{name: s, image: i, args: [a]}]
steps:
- {name: a, image: b, command: [c], args: [d], env: [{name: A, value: b}], volumeMounts: [{name: v, mountPath: /w}]}
- {name: z, image: b, script: echo, onError: continue, results: [{name: x}]}
";
const OUTPUTS: &str = "steps: {a: [{name: v, default: x}]}\nobjects: [{name: o, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.a.v)}}}]";

fn objects() -> Vec<Value> {
    let spec = yaml(SPEC);
    let metadata = json!({"name": "t", "annotations": {"gleaner.dev/outputs": OUTPUTS}});
    let embedded = json!({"metadata": metadata, "params": spec["params"], "steps": spec["steps"], "sidecars": spec["sidecars"]});
    let pipeline = json!({"params": [{"name": "q"}], "tasks": [{"name": "t", "taskSpec": embedded, "params": [{"name": "p", "value": "x"}]}], "finally": [{"name": "u", "taskRef": {"name": "u"}}]});
    let object = |kind: &str, spec: Value| json!({"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": metadata, "spec": spec});
    let mut owned = object("TaskRun", json!({"taskSpec": spec, "params": []}));
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "r", "controller": true}]);
    owned["metadata"]["labels"] = json!({"tekton.dev/pipelineRun": "r"});
    let mut pipeline_of = object("Pipeline", pipeline.clone());
    pipeline_of["metadata"] = json!({"name": "p"});
    let mut pipeline_run = object("PipelineRun", json!({"pipelineSpec": pipeline}));
    pipeline_run["metadata"] = json!({"name": "r"});
    vec![object("Task", spec), owned, pipeline_of, pipeline_run]
}

/// The number of keys and indices in the longest path that injection reads,
/// `spec.pipelineSpec.tasks[0].taskSpec.steps[0].env[0].name`.
const DEEPEST: usize = 10;

/// Returns the paths of the node at `place` and of all nodes below it.
fn places(node: &Node, place: &Place) -> Vec<Place> {
    let mut found = vec![place.clone()];
    match &node.content {
        Content::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(places(item, &place.index(index)));
            }
        }
        Content::Mapping(entries) => {
            for (key, value) in entries {
                found.extend(places(value, &place.key(&key.name)));
            }
        }
        _ => {}
    }
    found
}

fn values() -> [Value; 4] {
    [json!(null), json!("x"), json!([5]), json!({"name": "x"})]
}

/// Replaces the value at each path in `object` with each of [`values`], and calls `inject` with each resulting object. Returns
/// the number of objects that `inject` refused.
#[track_caller]
fn with_any_value_anywhere(
    object: &Value,
    inject: &dyn Fn(&Value) -> Result<Outcome, Refusal>,
) -> usize {
    let mut refused = 0;
    let all = places(&Node::from(object), &Place::root()).into_iter();
    // Injection copies the nodes at longer paths without reading them.
    for place in all.filter(|place| place.segments().len() <= DEEPEST) {
        for value in values() {
            let mut changed = object.clone();
            *changed.pointer_mut(&place.pointer()).unwrap() = value;
            if let Err(refusal) = inject(&changed) {
                refused += 1;
                assert!(!refusal.diagnostics.is_empty(), "{place} {changed}");
            }
        }
    }
    refused
}

#[test]
fn a_wrong_type_in_a_task_never_causes_a_panic() {
    let ahead = Placement::AheadOfTime(ResultsFrom::default());
    for object in objects() {
        let placement = if object["kind"] == "Task" {
            ahead
        } else {
            Placement::Webhook
        };
        let inject =
            |object: &Value| task::inject_for(object, Operation::Create, &settings(), placement);
        let _ = inject(&object).expect("a valid object");
        assert!(with_any_value_anywhere(&object, &inject) > 20, "{object}");
    }
}

#[test]
fn an_edit_of_an_injected_task_never_causes_a_panic() {
    let placement = Placement::AheadOfTime(ResultsFrom::default());
    let inject =
        |object: &Value| task::inject_for(object, Operation::Create, &settings(), placement);
    let Ok(Outcome::Changed(injected)) = inject(&objects()[0]) else {
        panic!("a valid object was not injected");
    };
    assert!(with_any_value_anywhere(&injected.object, &inject) > 20);
}

#[test]
fn a_wrong_type_in_a_pod_never_causes_a_panic() {
    let mut plain = reviewed(JOB);
    plain["spec"]["resources"] = json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}});
    let rules = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]);
    let other = json!({"name": "o", "image": "i", "restartPolicyRules": rules, "resources": {"requests": {"cpu": "1m"}}});
    plain["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(other);
    let inject = |object: &Value| pod::inject(object, &settings());
    let mut tekton = tekton_pod(DECLARATION, "u", &[]);
    // To save time, the pod contains only the steps and the sidecar.
    for list in ["initContainers", "volumes"] {
        tekton["spec"].as_object_mut().unwrap().remove(list);
    }
    tekton.as_object_mut().unwrap().remove("status");
    for object in [plain, tekton] {
        let refused = with_any_value_anywhere(&object, &inject);
        assert!(refused > 50, "only {refused} refusals for {object}");
    }
}

#[test]
fn values_of_the_wrong_type_are_reported_with_their_place() {
    let task = &objects()[0];
    let refusal = |place: &str, value: Value| {
        let mut object = task.clone();
        *object.pointer_mut(place).unwrap() = value;
        let placement = Placement::AheadOfTime(ResultsFrom::default());
        let refused = task::inject_for(&object, Operation::Create, &settings(), placement);
        refused.expect_err("a refusal").to_string()
    };
    for (place, value, expected) in [
        (
            "/spec/steps/1",
            json!("echo done"),
            "spec.steps[1]: expected a map, found a string",
        ),
        (
            "/spec/steps/1",
            json!(null),
            "spec.steps[1]: expected a map, found nothing",
        ),
        (
            "/spec/stepTemplate",
            json!("nothing"),
            "spec.stepTemplate: expected a map, found a string",
        ),
        (
            "/spec/sidecars/0",
            json!(["x"]),
            "spec.sidecars[0]: expected a map, found a list",
        ),
        (
            "/spec/sidecars",
            json!("x"),
            "spec.sidecars: must be a list; write",
        ),
        (
            "/spec/volumes/0",
            json!(5),
            "spec.volumes[0]: expected a map, found a number",
        ),
        (
            "/spec/results",
            json!({}),
            "spec.results: must be a list; write",
        ),
        (
            "/spec/steps/0/command/0",
            json!(5),
            "spec.steps[0].command[0]: expected a string, found a number",
        ),
        (
            "/spec/steps/0/volumeMounts/0",
            json!("v"),
            "spec.steps[0].volumeMounts[0]: expected a map, found a string",
        ),
        ("/spec", json!("x"), "spec: expected a map, found a string"),
    ] {
        let said = refusal(place, value);
        assert!(said.contains(expected), "{place}: {said}");
    }
    let mut pod = reviewed(JOB);
    pod["spec"]["containers"][0]["command"] = json!(["sh", 5]);
    let said = pod::inject(&pod, &settings())
        .expect_err("a refusal")
        .to_string();
    assert!(
        said.starts_with("spec.containers[0].command[1]: expected a string, found a number"),
        "{said}"
    );
}

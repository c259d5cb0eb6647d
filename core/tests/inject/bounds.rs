//! Tests the limits on the size of a Task or Pipeline.

use serde_json::json;

use crate::support::{injected, refused, yaml};

/// The number of keys is limited because each key may become an argument for the sidecar, and because each embedded task inherits
/// all keys from its Pipeline.
#[test]
fn too_many_keys_of_object_parameters_are_rejected() {
    let param = |count: usize| {
        let keys = (0..count).map(|number| (format!("k{number}"), json!("")));
        let default: serde_json::Map<_, _> = keys.collect();
        json!({"name": format!("p{count}"), "type": "object", "properties": {}, "default": default})
    };
    let mut task = yaml(
        "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t, annotations: {gleaner.dev/outputs: 'steps: {a: [{name: o}]}'}}
spec: {params: [], steps: [{name: a, image: i, command: [c]}]}
",
    );
    task["spec"]["params"] = json!([param(3000), param(1000)]);
    injected(&task);
    task["spec"]["params"] = json!([param(3000), param(1001)]);
    assert_eq!(
        refused(&task),
        "spec.params[1]: with this parameter, the object parameters have 4001 keys in total, but a Task may have at most 4000; combine some of them in an array"
    );
    let spec = task["spec"].take();
    let outputs = task["metadata"].take();
    let embedded = |count: usize| {
        let mut spec = spec.clone();
        spec["params"] = json!([]);
        spec["metadata"] = outputs.clone();
        json!({
            "apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"},
            "spec": {"params": [param(count)], "tasks": [{"name": "t", "taskSpec": spec}]},
        })
    };
    injected(&embedded(299));
    let message = refused(&embedded(300));
    assert!(
        message.starts_with("spec.tasks[0].taskSpec: this task inherits 301 parameters from the Pipeline or run, including the keys of object parameters")
            && message.ends_with("at most 300 are allowed; combine some of them in an array"),
        "{message}"
    );
}

/// The check must not scan the rest of the path after each `$(`, because such a scan would take quadratic time.
#[test]
fn a_path_with_many_unclosed_variables_is_rejected_quickly() {
    let begin = std::time::Instant::now();
    let path = format!("{})", "$(".repeat(100_000));
    let task = yaml(&format!(
        "
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: t, annotations: {{gleaner.dev/outputs: 'steps: {{a: [{{name: o, fromPath: {path}}}]}}'}}}}
spec: {{steps: [{{name: a, image: i, command: [c]}}]}}
"
    ));
    let message = refused(&task);
    // The path contains `$(` 100,000 times. If each message quoted the rest of the path, this test would take minutes in an
    // unoptimized build.
    assert!(
        message.starts_with("513 errors:") && message.ends_with("and 493 more errors"),
        "{message}"
    );
    assert!(begin.elapsed().as_secs() < 60);
}

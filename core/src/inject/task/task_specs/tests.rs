//! Unit tests of `task_specs`.

use serde_json::json;

use super::*;

#[test]
fn task_specs_in_nested_pipelines_are_found() {
    let annotations = json!({"gleaner.dev/outputs": ""});
    let task = |name: &str| json!({"name": name, "taskSpec": {"steps": [], "metadata": {"annotations": annotations}}});
    let object = json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "r"},
        "spec": {"pipelineSpec": {
            "tasks": [task("a"), {"taskRef": {"name": "x"}}, {"name": "n", "pipelineSpec": {"finally": [task("b")]}}],
            "finally": [task("c"), {"name": "d", "taskSpec": {"steps": []}}],
        }},
    });
    let found: Vec<(String, String)> = declaring(&Node::from(&object))
        .hosts
        .into_iter()
        .map(|host| (host.title, host.place.pointer()))
        .collect();
    let expected = [
        (
            "PipelineRun r, task a",
            "/spec/pipelineSpec/tasks/0/taskSpec",
        ),
        (
            "PipelineRun r, task n, task b",
            "/spec/pipelineSpec/tasks/2/pipelineSpec/finally/0/taskSpec",
        ),
        (
            "PipelineRun r, task c",
            "/spec/pipelineSpec/finally/0/taskSpec",
        ),
    ];
    assert_eq!(
        found,
        expected.map(|(title, pointer)| (title.to_owned(), pointer.to_owned()))
    );
}

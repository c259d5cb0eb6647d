//! Annotated Tasks that are applied, applied again, edited, deleted, embedded in runs and Pipelines, or fetched by a resolver.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::{Value, json};

use crate::{BUILD, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        applying_a_task_again_does_not_change_it,
        an_edited_task_runs_with_the_edits,
        removing_the_annotation_removes_gleaner_from_a_task,
        objects_of_runs_remain_when_the_task_is_deleted,
        a_result_reaches_the_next_task,
        a_taskrun_with_an_embedded_spec_is_injected,
        a_pipeline_with_embedded_tasks_is_injected,
        a_pipelinerun_with_an_embedded_pipeline_is_injected,
        each_combination_of_a_matrix_creates_a_resource,
        a_remote_task_is_injected_although_tekton_discards_its_metadata,
    ]
}

/// Returns the names of the items in the list `list` of a spec.
fn names<'a>(spec: &'a Value, list: &str) -> Vec<&'a str> {
    let list = spec[list].as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|item| item["name"].as_str())
        .collect()
}

/// Returns [`BUILD`] with `old` replaced by `new`.
#[track_caller]
fn edited(old: &str, new: &str) -> String {
    assert!(BUILD.contains(old), "{old}");
    BUILD.replace(old, new)
}

/// Returns the fields of `spec` in [`BUILD`], indented by `indent` more spaces.
fn spec(indent: usize) -> String {
    let (_, spec) = BUILD.split_once("\nspec:\n").expect("a spec");
    indented(spec, indent)
}

/// Returns the annotation in [`BUILD`], indented by `indent` more spaces.
fn annotation(indent: usize) -> String {
    let (_, rest) = BUILD.split_once("  annotations:\n").expect("annotations");
    let (annotation, _) = rest.split_once("spec:\n  params").expect("a spec");
    indented(annotation, indent)
}

fn indented(text: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    text.lines()
        .map(|line| format!("{indent}{line}\n"))
        .collect()
}

fn applying_a_task_again_does_not_change_it(namespace: &Namespace) {
    namespace.apply(BUILD);
    let before = namespace.get("task/build");
    assert_eq!(names(&before["spec"], "sidecars"), ["gleaner"]);
    assert_eq!(names(&before["spec"], "results"), ["img"]);
    namespace.apply(BUILD);
    let after = namespace.get("task/build");
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(
        before["metadata"]["generation"],
        after["metadata"]["generation"]
    );
    let run = namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    let owner = &resource["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"]),
        (&json!("TaskRun"), &json!(run.uid()))
    );
    assert_eq!(param(&resource, "url"), "registry.example/app");
    assert_eq!(param(&resource, "digest"), "sha256:54ed");
    let result = run.result("img").expect("a result");
    assert_eq!(result["name"], resource["metadata"]["name"]);
    assert_eq!(result["uid"], resource["metadata"]["uid"]);
    assert_eq!(result["digest"], "sha256:54ed");
}

fn an_edited_task_runs_with_the_edits(namespace: &Namespace) {
    // The user's Task also contains `results`, so kubectl replaces the whole list, including Gleaner's results.
    let with_result = edited(
        "spec:\n  params",
        "spec:\n  results: [{name: own}]\n  params",
    );
    namespace.apply(&with_result);
    let further = with_result
        .replace(
            "results: [{name: own}]",
            "results: [{name: own}, {name: further}]",
        )
        .replace("name: img", "name: picture")
        .replace("sha256:54ed", "sha256:0815");
    namespace.apply(&further);
    let task = namespace.get("task/build");
    assert_eq!(names(&task["spec"], "sidecars"), ["gleaner"]);
    assert_eq!(
        names(&task["spec"], "results"),
        ["own", "further", "picture"]
    );
    let run = namespace.run("build").succeeded();
    assert_eq!(
        run.result("picture").expect("a result")["digest"],
        "sha256:0815"
    );
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:0815");
}

fn removing_the_annotation_removes_gleaner_from_a_task(namespace: &Namespace) {
    namespace.apply(BUILD);
    let (head, rest) = BUILD.split_once("  annotations:\n").expect("annotations");
    let (_, spec) = rest.split_once("spec:\n  params").expect("a spec");
    let plain = format!("{head}spec:\n  params{spec}").replace("$GLEANER_OUTPUTS", "/tmp");
    namespace.apply(&plain);
    let task = namespace.get("task/build");
    assert_eq!(names(&task["spec"], "sidecars"), [""; 0]);
    assert_eq!(names(&task["spec"], "results"), [""; 0]);
    let run = namespace.run("build").succeeded();
    namespace.no_resource();
    let pod = namespace.get(&format!("pod/{}", run.pod()));
    assert!(!pod["spec"].to_string().contains("gleaner.dev"), "{pod}");
    assert!(
        !names(&pod["spec"], "initContainers").contains(&"sidecar-gleaner"),
        "{pod}"
    );
}

fn objects_of_runs_remain_when_the_task_is_deleted(namespace: &Namespace) {
    namespace.apply(BUILD);
    namespace.run("build").succeeded();
    let before = namespace.only_resource();
    namespace.kubectl(&["delete", "task", "build"]).succeed();
    assert_eq!(namespace.only_resource(), before);
    // The resource is deleted with the run.
    namespace
        .kubectl(&["delete", "taskrun", "build-run"])
        .succeed();
    let name = before["metadata"]["name"].as_str().expect("a name");
    namespace.wait(&format!("pipelineresource/{name}"), "delete");
}

fn a_result_reaches_the_next_task(namespace: &Namespace) {
    namespace.apply(BUILD);
    namespace.apply(
        r#"
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: build-and-look}
spec:
  tasks:
    - name: build
      taskRef: {name: build}
    - name: look
      params:
        - {name: image, value: $(tasks.build.results.img.url)@$(tasks.build.results.img.digest)}
        - {name: resource, value: $(tasks.build.results.img.name)}
      taskSpec:
        params: [{name: image}, {name: resource}]
        steps:
          - name: look
            image: localhost/gleaner-test/busybox:1
            script: |
              [ "$(params.image)" = registry.example/app@sha256:54ed ] || exit 1
              echo "$(params.resource)"
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: look-run}
spec: {pipelineRef: {name: build-and-look}}
"#,
    );
    let run = namespace.ended("pipelinerun/look-run").succeeded();
    let resource = namespace.only_resource();
    let name = resource["metadata"]["name"].as_str().expect("a name");
    assert_eq!(
        namespace.logs("look-run-look-pod", "step-look").trim_end(),
        name
    );
    // The owner is the PipelineRun, not the TaskRun.
    let owner = &resource["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"]),
        (&json!("PipelineRun"), &json!(run.uid()))
    );
}

fn a_taskrun_with_an_embedded_spec_is_injected(namespace: &Namespace) {
    namespace.apply(&format!(
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata:
  name: own
  annotations:
{}spec:
  taskSpec:
{}",
        annotation(0),
        spec(2)
    ));
    let run = namespace.ended("taskrun/own").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(
        run.result("img").expect("a result")["name"],
        resource["metadata"]["name"]
    );
    assert_eq!(resource["metadata"]["ownerReferences"][0]["uid"], run.uid());
}

/// Returns the pipeline task `build` with an embedded spec, as a list item that is indented by six spaces.
fn embedded() -> String {
    format!(
        "
      - name: build
        taskSpec:
          metadata:
            annotations:
{}{}",
        annotation(12),
        spec(8)
    )
}

fn a_pipeline_with_embedded_tasks_is_injected(namespace: &Namespace) {
    let pipeline = format!(
        "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {{name: embedded}}
spec:
  tasks:
{}",
        embedded()
    );
    namespace.apply(&pipeline);
    namespace.apply(&pipeline);
    let injected = namespace.get("pipeline/embedded");
    assert_eq!(
        names(&injected["spec"]["tasks"][0]["taskSpec"], "sidecars"),
        ["gleaner"]
    );
    namespace.apply(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: embedded-run}
spec: {pipelineRef: {name: embedded}}
",
    );
    let run = namespace.ended("pipelinerun/embedded-run").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(resource["metadata"]["ownerReferences"][0]["uid"], run.uid());
    assert_eq!(
        resource["metadata"]["labels"]["tekton.dev/pipelineTask"],
        "build"
    );
}

fn a_pipelinerun_with_an_embedded_pipeline_is_injected(namespace: &Namespace) {
    let finally = embedded()
        .replace("name: build", "name: at-last")
        .replace("{build:", "{at-last:");
    let finally = finally.replace("steps.build.", "steps.at-last.");
    namespace.apply(&format!(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: whole}}
spec:
  pipelineSpec:
    tasks:{}
    finally:{finally}",
        embedded()
    ));
    let run = namespace.ended("pipelinerun/whole").succeeded();
    let resources = namespace.generated();
    let mut tasks: Vec<_> = resources
        .iter()
        .map(|resource| resource["metadata"]["labels"]["tekton.dev/pipelineTask"].as_str())
        .collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [Some("at-last"), Some("build")]);
    for resource in resources {
        assert_eq!(resource["metadata"]["ownerReferences"][0]["uid"], run.uid());
    }
}

fn each_combination_of_a_matrix_creates_a_resource(namespace: &Namespace) {
    namespace.apply(BUILD);
    namespace.apply(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: matrix}
spec:
  pipelineSpec:
    tasks:
      - name: build
        taskRef: {name: build}
        matrix:
          params: [{name: url, value: [registry.example/a, registry.example/b]}]
",
    );
    namespace.ended("pipelinerun/matrix").succeeded();
    let resources = namespace.generated();
    let mut urls: Vec<_> = resources
        .iter()
        .map(|resource| param(resource, "url"))
        .collect();
    urls.sort_unstable();
    assert_eq!(urls, ["registry.example/a", "registry.example/b"]);
}

/// The test acts as the resolver. Tekton requests the Task with a ResolutionRequest, sends the resolved Task to the API server as
/// a dry run, and uses only the spec in the response, not the metadata.
fn a_remote_task_is_injected_although_tekton_discards_its_metadata(namespace: &Namespace) {
    namespace.apply(
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: remote}
spec: {taskRef: {resolver: played-by-the-case}}
",
    );
    let request = namespace.until("Tekton requests the Task", || {
        namespace.list("resolutionrequests").first().cloned()
    });
    let name = request["metadata"]["name"].as_str().expect("a name");
    let status = json!({"status": {
        "data": STANDARD.encode(BUILD),
        "refSource": {"uri": "played", "digest": {"sha256": "00"}},
        "source": {"uri": "played", "digest": {"sha256": "00"}},
        "conditions": [{"type": "Succeeded", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }})
    .to_string();
    let patch = [
        "patch",
        "resolutionrequest",
        name,
        "--subresource=status",
        "--type=merge",
        "--patch",
    ];
    namespace
        .kubectl(&[&patch[..], &[&status]].concat())
        .succeed();
    let run = namespace.ended("taskrun/remote").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "sha256:54ed");
    assert_eq!(resource["metadata"]["ownerReferences"][0]["uid"], run.uid());
    assert_eq!(
        namespace.list("tasks"),
        [Value::Null; 0],
        "the dry run must not create a Task"
    );
}

//! Tests the warnings about old Tekton objects that a declaration creates.

use crate::warned;

/// Returns a Task whose declaration creates an object from `template`.
fn task(template: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: t\n  annotations:\n    gleaner.dev/outputs: |\n      \
         steps: {{a: [{{name: d}}]}}\n      objects:\n      - name: o\n        resourceTemplate: {template}\n\
         spec:\n  steps: [{{name: a, image: i, script: x}}]\n"
    )
}

/// Returns a Job whose declaration creates an object from `template`.
fn job(template: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec:\n  template:\n    metadata:\n      annotations:\n        \
         gleaner.dev/outputs: |\n          steps: {{a: [{{name: d}}]}}\n          objects:\n          - name: o\n            \
         resourceTemplate: {template}\n    spec:\n      containers: [{{name: a, image: i, command: [x]}}]\n"
    )
}

const OLD: &str =
    "{apiVersion: tekton.dev/v1beta1, kind: TaskRun, spec: {taskRef: {name: $(steps.a.d)}}}";

#[test]
fn old_versions_in_templates_are_reported_with_their_place_and_a_remedy() {
    let message = "the TaskRun is created as tekton.dev/v1beta1, because templates are not translated; translate the TaskRun in a \
                   separate file, and copy the result here\n";
    assert_eq!(
        warned(&task(OLD)),
        format!("<stdin>:10:40: warning: objects[0].resourceTemplate.apiVersion: {message}")
    );
    assert_eq!(
        warned(&job(OLD)),
        format!("<stdin>:12:44: warning: objects[0].resourceTemplate.apiVersion: {message}")
    );
    let proposal = format!(
        "apiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {{name: t}}\nspec:\n  steps: [{{name: a, image: i, outputs: [{{name: d}}]}}]\n  \
         outputs:\n    objects:\n    - name: o\n      resourceTemplate: {OLD}\n"
    );
    assert_eq!(
        warned(&proposal),
        format!(
            "<stdin>:9:38: warning: spec.outputs.objects[0].resourceTemplate.apiVersion: {message}"
        )
    );
    // The old object is part of the object that the declaration creates.
    let inner = "{apiVersion: triggers.tekton.dev/v1beta1, kind: TriggerTemplate, spec: {resourcetemplates: [OLD]}}";
    let warning = warned(&task(&inner.replace("OLD", OLD)));
    assert_eq!(
        warning.split_once("warning: ").unwrap().1,
        format!("objects[0].resourceTemplate.spec.resourcetemplates[0].apiVersion: {message}")
    );
    // These templates cause no warnings, because they use v1, or their kinds do not exist in v1.
    for template in [
        OLD.replace("v1beta1", "v1"),
        OLD.replace("TaskRun", "CustomRun"),
        "{apiVersion: v1, kind: ConfigMap, data: {a: $(steps.a.d)}}".to_owned(),
    ] {
        assert_eq!(warned(&task(&template)), "", "{template}");
    }
}

#[test]
fn pipeline_resources_in_templates_are_reported() {
    for (kind, spec, place) in [
        (
            "TaskRun",
            "{resources: {inputs: []}, taskRef: {name: $(steps.a.d)}}",
            "resources",
        ),
        (
            "TaskRun",
            "{taskSpec: {inputs: {}, steps: [{image: $(steps.a.d)}]}}",
            "taskSpec.inputs",
        ),
        (
            "PipelineRun",
            "{resources: [], pipelineRef: {name: $(steps.a.d)}}",
            "resources",
        ),
        (
            "PipelineRun",
            "{pipelineSpec: {tasks: [{name: $(steps.a.d), resources: {}}]}}",
            "pipelineSpec.tasks[0].resources",
        ),
        (
            "Pipeline",
            "{finally: [{name: $(steps.a.d), taskSpec: {resources: {}}}]}",
            "finally[0].taskSpec.resources",
        ),
    ] {
        let template = format!("{{apiVersion: tekton.dev/v1, kind: {kind}, spec: {spec}}}");
        let warning = warned(&task(&template));
        let expected = format!(
            "objects[0].resourceTemplate.spec.{place}: the {kind} has PipelineResources, which current Tekton versions do not support; translate the \
             {kind} in a separate file, and copy the result here\n"
        );
        let rest = warning.strip_prefix("<stdin>:10:").unwrap_or_default();
        assert_eq!(
            rest.split_once(": warning: ").unwrap_or_default().1,
            expected,
            "{warning}"
        );
    }
}

#[test]
fn kinds_that_tekton_removed_are_reported_in_templates() {
    let warning = warned(&task(
        "{apiVersion: tekton.dev/v1alpha1, kind: Run, spec: {a: $(steps.a.d)}}",
    ));
    assert!(
        warning.ends_with(
            "objects[0].resourceTemplate.kind: Tekton has removed the kind Run; use a CustomRun\n"
        ),
        "{warning}"
    );
}

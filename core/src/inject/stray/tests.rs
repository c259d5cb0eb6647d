use super::*;
use crate::document::yaml;

fn found(text: &str) -> Vec<String> {
    let document = yaml::parse(text).unwrap();
    let mut found = Diagnostics::default();
    find(&document, &HashSet::new(), &mut found);
    let found = found.into_vec().into_iter();
    found.map(|diagnostic| diagnostic.to_string()).collect()
}

const TASK: &str =
    "{apiVersion: tekton.dev/v1, kind: Task, metadata: METADATA, spec: {steps: [{name: s}]}}";

fn on_task(metadata: &str) -> Vec<String> {
    found(&TASK.replace("METADATA", metadata))
}

#[test]
fn fields_that_the_cluster_writes_are_not_reported() {
    let managed = "[{manager: kubectl, fieldsV1: {f:metadata: {f:annotations: {f:gleaner.dev/outputs: {}, f:gleaner.dev/output: {}}}}}]";
    let metadata = format!("{{annotations: {{gleaner.dev/outputs: x}}, managedFields: {managed}}}");
    assert_eq!(on_task(&metadata), [""; 0]);
    let pod = format!(
        "{{kind: Pod, apiVersion: v1, metadata: {metadata}, spec: {{containers: []}}, status: {{gleaner.dev/outputs: x}}}}"
    );
    assert_eq!(found(&pod), [""; 0]);
    // The cluster writes `managedFields` only in the metadata, so a map with this name in a spec is the user's own.
    let own = "{kind: Task, apiVersion: tekton.dev/v1, spec: {steps: [], managedFields: {gleaner.dev/outputs: x}}}";
    assert_eq!(found(own).len(), 1);
}

#[test]
fn annotations_with_an_effect_are_not_reported() {
    for metadata in [
        "{annotations: {gleaner.dev/outputs: x, gleaner.dev/cpu-limit: 1m, a/b: c}}",
        "{annotations: {gleaner.dev/run-uid: x, gleaner.dev/content: y}}",
        "{labels: {gleaner.dev/injection: disabled}}",
        "{annotations: {cleaner.io/schedule: x, gleaner.example.com/owner: y, gleaners: z}}",
    ] {
        assert_eq!(on_task(metadata), [""; 0], "{metadata}");
    }
    for other in [
        "{kind: ConfigMap, apiVersion: v1, data: {gleaner.dev/outputs: x}}",
        "{kind: Job, apiVersion: batch/v1, spec: {template: {metadata: {annotations: {gleaner.dev/outputs: x}}, spec: {containers: []}}}}",
        "{kind: JobSet, apiVersion: jobset.x-k8s.io/v1alpha2, spec: {replicatedJobs: [{template: {spec: {template: {metadata: {annotations: {gleaner.dev/outputs: x}}, spec: {containers: []}}}}}]}}",
        "{kind: Pod, apiVersion: v1, metadata: {annotations: {gleaner.dev/outputs: x}}, spec: {containers: []}}",
        "{kind: TaskRun, apiVersion: tekton.dev/v1, metadata: {annotations: {gleaner.dev/outputs: x}}, spec: {taskSpec: {steps: []}}}",
        "{kind: PipelineRun, apiVersion: tekton.dev/v1, spec: {pipelineSpec: {finally: [{taskSpec: {metadata: {annotations: {gleaner.dev/outputs: x}}, steps: []}}]}}}",
    ] {
        assert_eq!(found(other), [""; 0], "{other}");
    }
}

#[test]
fn misspelled_keys_are_reported() {
    for key in [
        "gleaner.dev/output",
        "gleaner.dev/Outputs",
        "Gleaner.dev/outputs",
        "gleaner.io/outputs",
        "glaener.dev/outputs",
        "gleanr.dev/outputs",
        "gleaner/outputs",
        "dev.gleaner/outputs",
        "gleaner.dev",
        "gleaner-outputs",
        "gleaner.dev.outputs",
    ] {
        let found = on_task(&format!("{{annotations: {{{key}: x}}}}"));
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        assert!(
            found[0].ends_with("did you mean 'gleaner.dev/outputs'?"),
            "{found:?}"
        );
    }
    let found = on_task(
        "{annotations: {gleaner.dev/outputs: x, gleaner.dev/memory-limits: 1Mi, gleaner.dev/foo: x}}",
    );
    assert!(
        found[0].contains("did you mean 'gleaner.dev/memory-limit'?"),
        "{found:?}"
    );
    assert!(
        found[1].contains("unknown annotation 'gleaner.dev/foo'; expected one of:"),
        "{found:?}"
    );
    assert_eq!(found.len(), 2);
}

#[test]
fn misplaced_keys_are_reported_with_the_right_place() {
    let outputs = "gleaner.dev/outputs: x";
    for (document, expected) in [
        (
            TASK.replace("METADATA", &format!("{{labels: {{{outputs}}}}}")),
            "metadata.labels[\"gleaner.dev/outputs\"]: 'gleaner.dev/outputs' must be an annotation, not a label; put it into metadata.annotations",
        ),
        (
            TASK.replace("METADATA", &format!("{{{outputs}}}")),
            "metadata[\"gleaner.dev/outputs\"]: 'gleaner.dev/outputs' has no effect here, because it is not under metadata.annotations; put it at metadata.annotations",
        ),
        (
            TASK.replace("METADATA", "{annotations: {gleaner.dev/cpu-limit: 1m}}"),
            "metadata.annotations[\"gleaner.dev/cpu-limit\"]: 'gleaner.dev/cpu-limit' has no effect without declared outputs; add the annotation gleaner.dev/outputs, or remove this one",
        ),
        (
            format!(
                "{{kind: Job, apiVersion: batch/v1, metadata: {{annotations: {{{outputs}}}}}, spec: {{template: {{spec: {{containers: []}}}}}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; put it at spec.template.metadata.annotations",
        ),
        (
            format!(
                "{{kind: CronJob, apiVersion: batch/v1, spec: {{jobTemplate: {{metadata: {{annotations: {{{outputs}}}}}, spec: {{template: {{spec: {{containers: []}}}}}}}}}}}}"
            ),
            "spec.jobTemplate.metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; put it at spec.jobTemplate.spec.template.metadata.annotations",
        ),
        (
            format!(
                "{{kind: ClusterTask, apiVersion: tekton.dev/v1beta1, metadata: {{annotations: {{{outputs}}}}}, spec: {{steps: []}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; Gleaner does not support ClusterTasks, and Tekton has removed them; convert this one to a Task",
        ),
        (
            format!(
                "{{kind: task, apiVersion: tekton.dev/v1, metadata: {{annotations: {{{outputs}}}}}, spec: {{steps: []}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; did you mean kind: Task?",
        ),
        (
            format!(
                "{{kind: Task, apiVersion: tekton.dv/v1, metadata: {{annotations: {{{outputs}}}}}, spec: {{steps: []}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; 'tekton.dv/v1' is not an apiVersion of Tekton; did you mean apiVersion: tekton.dev/v1?",
        ),
        (
            format!(
                "{{kind: Pipeline, apiVersion: tekton.dev/v1, spec: {{tasks: [{{metadata: {{annotations: {{{outputs}}}}}, taskSpec: {{steps: []}}}}]}}}}"
            ),
            "spec.tasks[0].metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; put it on the Task, or under spec.tasks[].taskSpec.metadata.annotations",
        ),
        (
            format!(
                "{{kind: PipelineRun, apiVersion: tekton.dev/v1, metadata: {{annotations: {{{outputs}}}}}, spec: {{pipelineRef: {{name: p}}}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; put it on the Task, or under spec.pipelineSpec.tasks[].taskSpec.metadata.annotations",
        ),
        (
            format!(
                "{{kind: TaskRun, apiVersion: tekton.dev/v1, metadata: {{annotations: {{{outputs}}}}}, spec: {{taskRef: {{name: p}}}}}}"
            ),
            "metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; the TaskRun has no taskSpec; put the annotation on the Task that the TaskRun refers to",
        ),
        (
            format!(
                "{{kind: Task, apiVersion: tekton.dev/v1, spec: {{metadata: {{annotations: {{{outputs}}}}}, steps: []}}}}"
            ),
            "spec.metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; put it at metadata.annotations",
        ),
    ] {
        assert_eq!(found(&document), [expected], "{document}");
    }
}

#[test]
fn declaration_keys_that_are_separate_annotations_are_reported() {
    assert_eq!(
        on_task("{annotations: {gleaner.dev/outputs: x, objects: [], steps: 'y', other: 1}}"),
        [
            "metadata.annotations.objects: the annotation 'objects' must be a string, not a list; indent 'objects' so that it is part of the block of gleaner.dev/outputs",
            "metadata.annotations.steps: the annotation 'steps' belongs in the declaration and has no effect on its own; indent 'steps' so that it is part of the block of gleaner.dev/outputs",
            "metadata.annotations.other: the annotation 'other' must be a string, not a number; put it in quotes",
        ]
    );
    assert_eq!(on_task("{annotations: {objects: x}}"), [""; 0]);
}

#[test]
fn annotations_that_existed_before_an_update_are_not_reported() {
    let document = yaml::parse(&TASK.replace("METADATA", "{annotations: {gleaner.dev/output: x}}"));
    let document = document.unwrap();
    let mut errors = Diagnostics::default();
    find(&document, &places(&document), &mut errors);
    assert!(errors.is_empty());
}

//! Tests how `gleaner lint` and `gleaner inject` check pods, pod templates, and objects that create pods.

use crate::support::gleaner_with_input;

const OBJECT: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {NAME}, data: {v: $(steps.main.v)}}";

/// Returns the metadata of a pod that declares an output `v` and a ConfigMap. `name` is the ConfigMap's name field, such as
/// `name: a` or `generateName: a-`.
fn metadata(name: &str) -> String {
    let object = OBJECT.replace("NAME", name);
    format!(
        "{{annotations: {{gleaner.dev/outputs: \"steps: {{main: [{{name: v}}]}}\\nobjects: [{{name: cm, resourceTemplate: {object}}}]\"}}}}"
    )
}

const CONTAINERS: &str = "restartPolicy: Never, containers: [{name: main, image: x, command: [a]}]";

/// Returns a Job with `field` in its spec. The Job's pods declare a ConfigMap whose name field is `name`.
fn job(field: &str, name: &str) -> String {
    let metadata = metadata(name);
    format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{field}template: {{metadata: {metadata}, spec: {{{CONTAINERS}}}}}}}}}"
    )
}

/// Returns a Pod with this spec. The Pod declares an output and a ConfigMap.
fn pod(spec: &str) -> String {
    let metadata = metadata("generateName: cm-");
    format!("{{apiVersion: v1, kind: Pod, metadata: {metadata}, spec: {{{spec}}}}}")
}

fn ran(command: &[&str], text: &str) -> (i32, String) {
    let ran = gleaner_with_input(command, text);
    (ran.code, ran.stdout + &ran.stderr)
}

fn lint(text: &str) -> (i32, String) {
    ran(&["lint", "-f", "-"], text)
}

fn inject(text: &str) -> (i32, String) {
    ran(&["inject", "--image", "x/y:1", "-f", "-"], text)
}

/// Expects `lint` and `inject` to report only this error.
#[track_caller]
fn refused(text: &str, expected: &str) {
    for (code, (ended, said)) in [(1, lint(text)), (78, inject(text))] {
        assert_eq!(ended, code, "{said}");
        assert_eq!(said.matches(": error: ").count(), 1, "{said}");
        assert!(said.contains(expected), "{said}\n{expected}");
    }
}

#[track_caller]
fn passes(text: &str) -> String {
    assert_eq!(lint(text), (0, String::new()));
    let (code, said) = inject(text);
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn kinds_that_always_restart_containers_are_refused() {
    for (version, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "DaemonSet"),
        ("v1", "ReplicationController"),
        ("argoproj.io/v1alpha1", "Rollout"),
        ("serving.knative.dev/v1", "Service"),
    ] {
        for policy in ["restartPolicy: Never, ", "restartPolicy: Always, ", ""] {
            let text = job("", "generateName: cm-")
                .replace("batch/v1", version)
                .replace("Job", kind)
                .replace("restartPolicy: Never, ", policy);
            refused(
                &text,
                &format!(
                    "spec.template.metadata.annotations[\"gleaner.dev/outputs\"]: a {kind} always restarts its containers, but each can post its outputs only once; move the containers that produce outputs to a Job or a Task"
                ),
            );
        }
    }
    passes(&job("", "generateName: cm-"));
}

#[test]
fn the_sidecar_in_a_pod_of_a_job_gets_the_name_and_index_from_the_pod() {
    let name = "name: 'cm-$(context.task.name)-$(context.job.completionIndex)'";
    let injected = passes(&job("completionMode: Indexed, completions: 3, ", name));
    for expected in [
        "- --context=job.completionIndex=$(JOB_COMPLETION_INDEX)\n",
        "fieldPath: metadata.annotations['batch.kubernetes.io/job-completion-index']\n",
        "- --context=task.name=$(JOB_NAME)\n",
        "fieldPath: metadata.labels['batch.kubernetes.io/job-name']\n",
    ] {
        assert!(injected.contains(expected), "{injected}");
    }
    let injected = passes(&job("", "name: 'cm-$(context.task.name)'"));
    assert!(injected.contains("JOB_NAME") && !injected.contains("COMPLETION"));
}

#[test]
fn a_context_variable_without_a_value_is_refused_in_a_pod_without_a_controller() {
    for (variable, expected) in [
        (
            "task.name",
            "`$(context.task.name)` has no value here; write a name instead, because only pods that a Job or another controller creates have this variable",
        ),
        (
            "pipelineRun.uid",
            "`$(context.pipelineRun.uid)` has no value here; this variable exists only in Tekton's pods",
        ),
        (
            "job.completionIndex",
            "only the pods of an Indexed Job have a completion index; create the pod with a Job that has completionMode: Indexed",
        ),
    ] {
        let text = pod(CONTAINERS).replace(
            "$(steps.main.v)",
            &format!("$(steps.main.v)$(context.{variable})"),
        );
        refused(
            &text,
            &format!("objects[0].resourceTemplate.data.v: {expected}"),
        );
    }
}

#[test]
fn a_template_variable_in_a_container_is_refused() {
    for (extra, place) in [
        (
            "containers: [{name: main, image: x, command: [a]}, {name: b, image: x, command: [echo, $(steps.main.v)]}]",
            "containers[1].command[1]",
        ),
        (
            "containers: [{name: main, image: x, command: [a], env: [{name: A, value: $(resources.cm.name)}]}]",
            "containers[0].env[0].value",
        ),
        (
            "initContainers: [{name: i, image: x, args: [$(steps.main.v)]}], containers: [{name: main, image: x, command: [a]}]",
            "initContainers[0].args[0]",
        ),
    ] {
        refused(
            &pod(&format!("restartPolicy: Never, {extra}")),
            &format!("spec.{place}: `$("),
        );
    }
    passes(&pod(
        "restartPolicy: Never, containers: [{name: main, image: x, command: [a, $(steps.other.v), $(HOME)]}]",
    ));
}

#[test]
fn pods_that_the_api_server_would_refuse_are_refused() {
    for (from, to, expected) in [
        ("image: x, ", "", "spec.containers[0]: 'image' is missing"),
        (
            "[{name: main",
            "[{name: main, image: y}, {name: main",
            "spec.containers[1].name: the pod has two containers named 'main'; rename one of them",
        ),
        (
            "containers:",
            "initContainers: [{name: main, image: y}], containers:",
            "spec.containers[0].name: the pod has two containers named 'main'",
        ),
        (
            "containers: [{name: main, image: x, command: [a]}]",
            "containers: []",
            "spec.containers: the pod has no containers; add at least one container",
        ),
        (
            "containers: [{name: main, image: x, command: [a]}]",
            "containers:",
            "spec.containers: the pod has no containers; add at least one container",
        ),
        (
            "containers: [{",
            "steps: [{",
            "spec.containers: the pod has no containers; steps belong in a Task",
        ),
        (
            "containers:",
            "securityContext: [a], containers:",
            "spec.securityContext: expected a map, found a list",
        ),
        (
            "containers:",
            "activeDeadlineSeconds: '5', containers:",
            "spec.activeDeadlineSeconds: expected an integer, found a string; remove the quotes",
        ),
        (
            "containers:",
            "resources: {limits: {memory: 64MB}}, containers:",
            "spec.resources.limits.memory: invalid quantity '64MB'",
        ),
        (
            "command: [a]",
            "command: [a], resources: {requests: {cpu: 1x}}",
            "spec.containers[0].resources.requests.cpu: invalid quantity '1x'",
        ),
        (
            "containers:",
            "os: {name: windows}, containers:",
            "spec.os.name: this pod is for Windows",
        ),
        (
            "containers:",
            "nodeSelector: {kubernetes.io/os: windows}, containers:",
            "spec.nodeSelector[\"kubernetes.io/os\"]: this pod is for Windows",
        ),
        (
            "name: main",
            "name: other",
            "steps.main: the pod has no container 'main'; expected one of: other",
        ),
    ] {
        assert!(CONTAINERS.contains(from), "{from}");
        refused(&pod(&CONTAINERS.replace(from, to)), expected);
    }
    let param = pod(CONTAINERS).replace("$(steps.main.v)", "$(params.x)$(steps.main.v)");
    refused(
        &param,
        "a pod has no parameters, so 'x' has no value; write the value itself",
    );
}

#[test]
fn jobs_that_the_api_server_would_refuse_are_refused() {
    let good = job("", "generateName: cm-");
    for (from, to, expected) in [
        (
            "kind: Job",
            "kind: job",
            "kind: batch/v1 has no kind 'job'; did you mean 'Job'?",
        ),
        (
            "kind: Job",
            "kind: Jobs",
            "kind: batch/v1 has no kind 'Jobs'; did you mean 'Job'?",
        ),
        (
            "apiVersion: batch/v1, kind: Job",
            "apiVersion: v1, kind: Job",
            "kind: v1 has no kind 'Job'; Job is in apiVersion batch/v1",
        ),
        (
            "apiVersion: batch/v1, ",
            "",
            "'apiVersion' is missing, but Kubernetes requires it; add apiVersion: batch/v1",
        ),
        (
            "spec: {template",
            "spec: {completions: '3', template",
            "spec.completions: expected an integer, found a string; remove the quotes",
        ),
        (
            "spec: {template",
            "spec: {completionMode: indexed, template",
            "spec.completionMode: 'indexed' is not one of NonIndexed, Indexed in Kubernetes 1.33; did you mean 'Indexed'?",
        ),
        (
            "metadata: {name: j}",
            "metadata: {name: j, lables: {a: b}}",
            "metadata.lables: unknown field 'lables': metadata has no such field in Kubernetes 1.33; did you mean 'labels'?",
        ),
        (
            "command: [a]",
            "command: [a], volumeMounts: [{name: v, mountPath: /v}]",
            "spec.template.spec.containers[0].volumeMounts[0].name: the pod has no volume 'v'",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        refused(&good.replacen(from, to, 1), expected);
    }
    let (code, said) = lint(&good.replace("batch/v1", "batch/v1beta1"));
    assert_eq!(code, 0);
    assert!(said.contains("warning: apiVersion: Kubernetes 1.33 has no apiVersion 'batch/v1beta1'; did you mean batch/v1?"), "{said}");
}

#[test]
fn an_injected_pod_is_injected_again_with_its_edits() {
    for text in [job("", "generateName: cm-"), pod(CONTAINERS)] {
        let injected = passes(&text);
        assert_eq!(passes(&injected), injected);
        let edited = injected.replace("kind: ConfigMap", "kind: Configmap");
        assert_ne!(edited, injected);
        refused(
            &edited,
            "objects[0].resourceTemplate.kind: v1 has no kind 'Configmap'",
        );
        let edited = injected.replace("name: main\n", "name: other\n");
        assert_ne!(edited, injected);
        refused(&edited, "steps.main: the pod has no container 'main'");
        let again = passes(&injected.replace("cm-", "dm-"));
        assert_ne!(
            again,
            injected.replace("cm-", "dm-"),
            "the sidecar still has the old declaration"
        );
    }
}

#[test]
fn a_variable_that_gleaner_sets_is_a_warning() {
    let own = "command: [a], env: [{name: GLEANER_OUTPUTS, value: /tmp}]";
    let text = pod(&CONTAINERS.replace("command: [a]", own));
    let (code, said) = lint(&text);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("warning: spec.containers[0].env[0].name: the variable GLEANER_OUTPUTS has no effect, because Gleaner sets it for the step's command; remove it"), "{said}");
}

//! Tests injection into pods that do not belong to a TaskRun.

use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::Sidecars;
use serde_json::{Value, json};

use crate::pod::{JOB, args, container, pod, refused};
use crate::support::{injected_pod, settings};

#[test]
fn a_jobs_container_is_the_step_and_the_job_is_the_owner() {
    let pod = injected_pod(&pod(JOB));
    assert_eq!(
        container(&pod, "main")["command"],
        json!([
            "/gleaner/bin/redirector",
            "--injected",
            "--step=main",
            "--output=version=/tmp/version",
            "--finish",
            "--termination-message=/dev/termination-log",
            "--termination-share=1+1",
            "--",
            "/bin/sh",
            "-c",
            "echo 1.2.3 > /tmp/version",
        ])
    );
    let sidecar = container(&pod, "sidecar-gleaner");
    assert_eq!(sidecar["restartPolicy"], "Always");
    let args = args(&pod, "sidecar-gleaner");
    for flag in [
        "--context=taskRun.uid=a1a6cbf7-069b-45ed-b31e-db8595959b6f",
        "--context=task.name=plain-job",
        "--owner=batch/v1,Job,plain-job,a1a6cbf7-069b-45ed-b31e-db8595959b6f",
    ] {
        assert!(args.contains(&flag.to_owned()), "{flag}: {args:?}");
    }
    assert_eq!(
        sidecar["env"][2]["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.uid"
    );
}

/// Returns the pod of an Indexed Job with this declaration.
fn indexed(declaration: &str) -> Value {
    let mut pod = pod(JOB);
    pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] = "2".into();
    pod["metadata"]["annotations"]["gleaner.dev/outputs"] = declaration.into();
    pod
}

fn named(name: &str, policy: &str) -> String {
    format!(
        "steps: {{main: [{{name: version}}]}}
objects: [{{name: cm, policy: {policy}, resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{{name}}}}}}}]"
    )
}

#[test]
fn a_pod_has_the_identity_of_its_job_and_completion_index() {
    for declaration in [
        named("name: release-$(context.job.completionIndex)", "Create"),
        named("generateName: release-", "Create"),
        named("name: release", "Apply"),
    ] {
        let args = args(&injected_pod(&indexed(&declaration)), "sidecar-gleaner");
        for flag in [
            "--context=taskRun.uid=a1a6cbf7-069b-45ed-b31e-db8595959b6f-2",
            "--context=job.completionIndex=2",
        ] {
            assert!(args.contains(&flag.to_owned()), "{flag}: {args:?}");
        }
    }
    let mut other = pod(JOB);
    other["metadata"]["ownerReferences"][0]["kind"] = "Workflow".into();
    let args = args(&injected_pod(&other), "sidecar-gleaner");
    assert!(args.contains(&"--context=taskRun.uid=$(POD_UID)".to_owned()));
}

#[test]
fn a_static_name_is_refused_for_the_pods_of_an_indexed_job() {
    let refusal = refused(&indexed(&named("name: release", "Create")), &settings());
    assert!(
        refusal.contains("objects[0].resourceTemplate.metadata.name: the pods of an Indexed Job would all create 'cm' with the same name; put $(context.job.completionIndex) into metadata.name"),
        "{refusal}"
    );
}

#[test]
fn the_completion_index_is_rejected_without_an_indexed_job() {
    let mut pod = indexed(&named(
        "name: release-$(context.job.completionIndex)",
        "Create",
    ));
    pod["metadata"]["annotations"]
        .as_object_mut()
        .unwrap()
        .remove("batch.kubernetes.io/job-completion-index");
    let refusal = refused(&pod, &settings());
    assert!(
        refusal.contains("only the pods of an Indexed Job have a completion index; add completionMode: Indexed to the Job"),
        "{refusal}"
    );
    let refusal = refused(
        &indexed(&named("name: r-$(context.pipelineRun.name)", "Create")),
        &settings(),
    );
    assert!(
        refusal.contains(
            "`$(context.pipelineRun.name)` has no value here; this variable exists only in Tekton's pods"
        ),
        "{refusal}"
    );
}

#[test]
fn unsupported_features_of_plain_pods_are_rejected() {
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut pod = pod(JOB);
        change(&mut pod);
        refused(&pod, &settings())
    };
    let declare = |text: &'static str| {
        move |pod: &mut Value| pod["metadata"]["annotations"]["gleaner.dev/outputs"] = text.into()
    };
    let said = refusal(&|pod| {
        pod["spec"]["containers"][0]
            .as_object_mut()
            .unwrap()
            .remove("command");
    });
    assert!(
        said.contains("spec.containers[0].command: the container 'main' has no command"),
        "{said}"
    );
    let said = refusal(&declare("steps: {mian: [{name: version}]}"));
    assert!(
        said.contains("gleaner.dev/outputs:1:16: steps.mian")
            && said.contains("did you mean 'main'?"),
        "{said}"
    );
    let said = refusal(&|pod| {
        let second = pod["spec"]["containers"][0].clone();
        pod["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(second);
        pod["spec"]["containers"][1]["name"] = "second".into();
        declare("steps: {main: [{name: a}], second: [{name: b}]}\nsubmit: Completed")(pod);
    });
    assert!(said.contains("none is the last"), "{said}");
    let said = refusal(&|pod| {
        pod["spec"].as_object_mut().unwrap().remove("restartPolicy");
    });
    assert!(said.contains("restartPolicy: Always"), "{said}");
    let said = refusal(&|pod| pod["spec"]["restartPolicy"] = "OnFailure".into());
    assert!(
        said.contains("spec.restartPolicy") && said.contains("backoffLimit"),
        "{said}"
    );
    let old = Settings {
        sidecars: Sidecars::Tekton,
        ..settings()
    };
    assert!(refused(&pod(JOB), &old).contains("Kubernetes 1.29"));
}

/// Returns the pod of a Job in which the container `main` is a step and the additional container `other` is not.
fn with_other(other: Value) -> Value {
    let mut pod = pod(JOB);
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    containers.push(other);
    pod
}

#[test]
fn a_step_container_that_may_restart_is_rejected_at_its_field() {
    let rule =
        |action: &str| json!([{"action": action, "exitCodes": {"operator": "In", "values": [42]}}]);
    let cases = [
        (
            "restartPolicyRules",
            rule("Restart"),
            "spec.containers[0].restartPolicyRules[0]: the container 'main' may restart",
        ),
        (
            "restartPolicyRules",
            rule("RestartAllContainers"),
            "spec.containers[0].restartPolicyRules[0]: a rule of the container 'main' restarts all",
        ),
        (
            "restartPolicy",
            json!("OnFailure"),
            "spec.containers[0].restartPolicy: the container 'main' may restart (restartPolicy: OnFailure)",
        ),
        (
            "restartPolicy",
            json!("Always"),
            "spec.containers[0].restartPolicy: the container 'main' may restart",
        ),
    ];
    for (field, value, expected) in cases {
        let mut pod = pod(JOB);
        pod["spec"]["containers"][0]["restartPolicy"] = "Never".into();
        pod["spec"]["containers"][0][field] = value;
        let said = refused(&pod, &settings());
        assert!(said.starts_with(expected), "{said}");
        assert!(said.contains("backoffLimit"), "{said}");
    }
}

#[test]
fn a_container_that_is_not_a_step_may_restart_if_it_does_not_restart_the_steps() {
    let rule =
        |action: &str| json!([{"action": action, "exitCodes": {"operator": "In", "values": [42]}}]);
    let other = json!({"name": "other", "image": "i", "restartPolicy": "OnFailure", "restartPolicyRules": rule("Restart")});
    injected_pod(&with_other(other));
    let mut sidecar = pod(JOB);
    let init = json!({"name": "proxy", "image": "i", "restartPolicy": "Always"});
    sidecar["spec"]["initContainers"] = json!([init]);
    injected_pod(&sidecar);
    // A rule that restarts all containers also restarts the step, so no container may have such a rule.
    let other =
        json!({"name": "other", "image": "i", "restartPolicyRules": rule("RestartAllContainers")});
    let said = refused(&with_other(other), &settings());
    assert!(
        said.starts_with(
            "spec.containers[1].restartPolicyRules[0]: a rule of the container 'other'"
        ),
        "{said}"
    );
    sidecar["spec"]["initContainers"][0]["restartPolicyRules"] = rule("RestartAllContainers");
    let said = refused(&sidecar, &settings());
    assert!(
        said.starts_with("spec.initContainers[0].restartPolicyRules[0]"),
        "{said}"
    );
}

#[test]
fn the_sidecar_fits_into_the_pod_s_own_resources() {
    let resources = |pod: &Value| container(pod, "sidecar-gleaner")["resources"].clone();
    let mut full = pod(JOB);
    full["spec"]["resources"] = json!({"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}});
    full["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "100m", "memory": "64Mi"}});
    let fitted = json!({"limits": {"cpu": "200m", "memory": "64Mi"}, "requests": {"cpu": "0", "memory": "0"}});
    assert_eq!(resources(&injected_pod(&full)), fitted);

    // If the pod's resources are large enough, the sidecar gets its usual requests and limits.
    let usual = json!({"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "10m", "memory": "16Mi"}});
    let mut roomy = full.clone();
    roomy["spec"]["resources"] = json!({"requests": {"cpu": "110m", "memory": "80Mi"}, "limits": {"cpu": 1, "memory": "1Gi"}});
    assert_eq!(resources(&injected_pod(&roomy)), usual);

    // For a pod and for a container, a limit without a request also sets the request. The requests of native sidecars count;
    // the requests of other init containers do not.
    let mut limits = full.clone();
    limits["spec"]["resources"] = json!({"limits": {"cpu": "1"}});
    limits["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "500m"}});
    limits["spec"]["initContainers"] = json!([
        {"name": "a", "image": "i", "restartPolicy": "Always", "resources": {"requests": {"cpu": "495m"}}},
        {"name": "b", "image": "i", "resources": {"requests": {"cpu": "1"}}},
    ]);
    let fitted = json!({"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "0", "memory": "16Mi"}});
    assert_eq!(resources(&injected_pod(&limits)), fitted);

    let mut requested = full.clone();
    requested["metadata"]["annotations"]["gleaner.dev/cpu-request"] = "50m".into();
    requested["metadata"]["annotations"]["gleaner.dev/memory-limit"] = "128Mi".into();
    let said = refused(&requested, &settings());
    assert!(
        said.contains("metadata.annotations[\"gleaner.dev/cpu-request\"]: \"50m\" is too high"),
        "{said}"
    );
    assert!(
        said.contains("metadata.annotations[\"gleaner.dev/memory-limit\"]: \"128Mi\" is too high"),
        "{said}"
    );

    let none = pod(JOB);
    assert_eq!(resources(&injected_pod(&none)), usual);
}

//! Wrapping pods that are none of Tekton's.

use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::Sidecars;
use serde_json::{Value, json};

use crate::support::{settings, wrapped};
use crate::wrap::{JOB, args, container, pod, refused};

#[test]
fn a_job_s_container_plays_the_step_and_the_job_owns() {
    let pod = wrapped(&pod(JOB));
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

/// The pod of an Indexed Job with this declaration.
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
        let args = args(&wrapped(&indexed(&declaration)), "sidecar-gleaner");
        for flag in [
            "--context=taskRun.uid=a1a6cbf7-069b-45ed-b31e-db8595959b6f-2",
            "--context=job.completionIndex=2",
        ] {
            assert!(args.contains(&flag.to_owned()), "{flag}: {args:?}");
        }
    }
    let mut other = pod(JOB);
    other["metadata"]["ownerReferences"][0]["kind"] = "Workflow".into();
    let args = args(&wrapped(&other), "sidecar-gleaner");
    assert!(args.contains(&"--context=taskRun.uid=$(POD_UID)".to_owned()));
}

#[test]
fn a_static_name_is_refused_for_the_pods_of_an_indexed_job() {
    let refusal = refused(&indexed(&named("name: release", "Create")), &settings());
    assert!(
        refusal.contains("objects[0].resourceTemplate.metadata.name: each pod of an Indexed Job would create 'cm' under the same name; put $(context.job.completionIndex) into metadata.name"),
        "{refusal}"
    );
}

#[test]
fn a_plain_pod_is_refused_what_it_cannot_have() {
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
    assert!(said.contains("containers of a pod have no order"), "{said}");
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

//! Without injection, a pod that requests Gleaner is refused with a remedy, or its sidecar cannot start.

use std::time::Duration;

use gleaner_core::inject::Outcome;
use gleaner_core::inject::settings::{Resources, Settings, Sidecars};
use gleaner_core::inject::task::{self, Operation};
use gleaner_tests::cases;
use gleaner_tests::server::{Answer, Server};
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::helm::install_policy;
use crate::webhooks::{self, ANY_TEKTON, place, pod};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_pod_that_bypassed_the_injector_is_refused_with_a_remedy,
        a_sidecar_that_was_not_injected_refers_to_a_container_that_cannot_exist,
        the_api_server_does_not_change_a_pod_with_the_variables_for_traces,
    ]
    .into_iter()
    .map(|case| case.crds(&[ANY_TEKTON]).real_only())
    .collect()
}

async fn create(server: &Server, pod: &Value) -> Answer {
    server.post(&place(server, pod), pod).await
}

async fn a_pod_that_bypassed_the_injector_is_refused_with_a_remedy(server: &Server) {
    let container = |name: &str, args: Value| json!({"name": name, "image": "registry.example/a:1", "args": args});
    let step = container("step-a", json!([]));
    let mut annotated = pod(&json!({"containers": [step]}));
    annotated["metadata"]["annotations"] = json!({"gleaner.dev/outputs": ""});
    webhooks::install(server, "1.30.0").await;
    // Without the policy, the pod is admitted.
    create(server, &annotated).await.expect_status(201);
    install_policy(server, "pods.gleaner.dev").await;
    let refused = wait::until(
        "the policy takes effect",
        Duration::from_secs(30),
        async || {
            let answer = create(server, &annotated).await;
            (answer.status.as_u16() == 422).then_some(answer)
        },
    )
    .await;
    let remedy = "this pod requests Gleaner, but the injector did not respond: find the cause with `kubectl -n gleaner get pods -l \
                  app.kubernetes.io/name=gleaner,app.kubernetes.io/component=injector`, then start the run again";
    assert!(refused.refusal().contains(remedy), "{}", refused.text);

    let injected = container(
        "sidecar-gleaner",
        json!(["--unwrapped", "--declaration=e30="]),
    );
    let wrapped = container("sidecar-gleaner", json!(["--declaration=e30="]));
    for asking in [
        pod(&json!({"containers": [step, injected]})),
        pod(&json!({"containers": [step], "initContainers": [injected]})),
    ] {
        create(server, &asking).await.expect_status(422);
    }
    let mut both = pod(&json!({"containers": [step], "initContainers": [wrapped]}));
    both["metadata"]["annotations"] = annotated["metadata"]["annotations"].clone();
    let mut assistant = annotated.clone();
    assistant["metadata"]["labels"] = json!({"app.kubernetes.io/component": "affinity-assistant"});
    let mut opted_out = annotated.clone();
    opted_out["metadata"]["labels"] = json!({"gleaner.dev/injection": "disabled"});
    for passing in [
        pod(&json!({"containers": [step]})),
        pod(&json!({"containers": [step, wrapped]})),
        both,
        assistant,
        opted_out,
    ] {
        create(server, &passing).await.expect_status(201);
    }
    let kube_system = "/api/v1/namespaces/kube-system/pods";
    server
        .post(kube_system, &annotated)
        .await
        .expect_status(201);
}

/// The API server admits a pod whose sidecar was not completed by the injector. However, the kubelet cannot create the sidecar's
/// container, because an environment variable refers to a container whose name is invalid.
async fn a_sidecar_that_was_not_injected_refers_to_a_container_that_cannot_exist(server: &Server) {
    let task = json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": "steps: {a: [{name: digest}]}"}},
        "spec": {"steps": [{"name": "a", "image": "i", "command": ["c"]}]},
    });
    let injected = task::inject(&task, Operation::Create, &settings());
    let Ok(Outcome::Changed(task)) = injected else {
        panic!("{injected:?}");
    };
    let env = &task.object["spec"]["sidecars"][0]["env"];
    let name = &env[0]["valueFrom"]["resourceFieldRef"]["containerName"];
    assert!(name.is_string(), "{env}");
    let sidecar =
        json!({"name": "sidecar-gleaner", "image": "registry.example/gleaner:1", "env": env});
    let created = create(server, &pod(&json!({"containers": [sidecar.clone()]}))).await;
    // The API server must not add defaults to the variable, because the injector would remove them again at each review of the
    // Task.
    let created = created.expect_status(201).json;
    assert_eq!(created["spec"]["containers"][0]["env"], *env);
    let other = json!({"name": name, "image": "registry.example/a:1"});
    for spec in [
        json!({"containers": [sidecar, other]}),
        json!({"containers": [sidecar], "initContainers": [other]}),
    ] {
        let refused = create(server, &pod(&spec)).await.expect_status(422);
        let refused = refused.refusal();
        assert!(refused.contains("RFC 1123 label"), "{refused}");
    }
}

fn settings() -> Settings {
    Settings {
        image: "registry.example/gleaner:1".to_owned(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

/// The API server accepts the sidecar's environment variables for traces unchanged, although they refer to an annotation that
/// the pod does not have.
async fn the_api_server_does_not_change_a_pod_with_the_variables_for_traces(server: &Server) {
    let settings = Settings {
        traces_endpoint: Some("http://collector.observability:4318/v1/traces".to_owned()),
        ..settings()
    };
    let main = json!({"name": "main", "image": "registry.example/a:1", "command": ["c"]});
    let mut plain = pod(
        &json!({"containers": [main], "restartPolicy": "Never", "serviceAccountName": "default"}),
    );
    let annotation = "steps: {main: [{name: digest, fromPath: /tmp/a}]}";
    plain["metadata"]["annotations"] = json!({"gleaner.dev/outputs": annotation});
    let injected = gleaner_core::inject::pod::inject(&plain, &settings);
    let Ok(Outcome::Changed(injected)) = injected else {
        panic!("{injected:?}");
    };
    let created = create(server, &injected.object).await;
    let created = created.expect_status(201).json;
    let env = |pod: &Value| pod["spec"]["initContainers"][0]["env"].clone();
    assert_eq!(env(&created), env(&injected.object));
    assert!(env(&created).to_string().contains("taskrunSpanContext"));
}

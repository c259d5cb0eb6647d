use std::time::Duration;

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_proto::failure::FailureCode;
use gleaner_submission::Settings;
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock};

fn declaration() -> Declaration {
    let text = "
resources:
  - name: img
    spec: {type: image, params: [{name: url, value: u}]}
objects:
  - name: svc
    resourceTemplate:
      apiVersion: serving.knative.dev/v1
      kind: Service
      metadata: {name: demo}
      spec: {}
  - name: settings
    owned: true
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings, namespace: prod}
      data: {a: b}
";
    Declaration::parse(text, &Scope::default()).unwrap()
}

#[tokio::test]
async fn a_missing_kind_and_a_wrong_namespace_are_detected_before_the_first_step() {
    let mock = Mock::start().await;
    let findings = mock
        .submitter()
        .await
        .preflight(&declaration().templates)
        .await;
    let found: Vec<(&str, bool)> = findings
        .iter()
        .map(|finding| {
            (
                finding.failure.resource.as_deref().unwrap(),
                finding.blocking,
            )
        })
        .collect();
    assert_eq!(found, [("svc", true), ("settings", true)], "{findings:?}");
    let [kind, place] = [0, 1].map(|index| &findings[index].failure);
    assert_eq!(kind.code, FailureCode::KindNotServed);
    assert!(
        kind.message
            .contains("kind Service of serving.knative.dev/v1")
    );
    assert_eq!(place.code, FailureCode::Misplaced);
    assert!(place.message.contains("garbage collector"));
}

#[tokio::test]
async fn a_forbidden_create_blocks_and_a_forbidden_delete_is_reported() {
    let mock = Mock::start().await;
    let denied = Fault::answer(201, &[], json!({"status": {"allowed": false}}));
    mock.on(Method::POST, "selfsubjectaccessreviews")
        .fail(denied);
    let templates = &declaration().templates[..1];
    let findings = mock.submitter().await.preflight(templates).await;
    let found: Vec<bool> = findings.iter().map(|finding| finding.blocking).collect();
    assert_eq!(found, [true, false, false], "{findings:?}");
    assert_eq!(
        findings[0].failure.to_string(),
        "the run is not allowed to create pipelineresources.tekton.dev in namespace 'ci', so the object cannot be created; grant `create` on `pipelineresources.tekton.dev` to the ServiceAccount of the run"
    );
    assert_eq!(findings[0].failure.code, FailureCode::Forbidden);
    let spec = &mock.writes()[0].json()["spec"]["resourceAttributes"];
    assert_eq!(spec["group"], "tekton.dev");
    assert_eq!(spec["namespace"], "ci");
}

#[tokio::test]
async fn a_preflight_can_run_in_its_own_task() {
    let mock = Mock::start().await;
    let submitter = mock.submitter().await;
    let preflight = async move { submitter.preflight(&declaration().templates).await };
    assert_eq!(tokio::spawn(preflight).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_api_server_that_does_not_respond_is_not_a_blocking_finding() {
    let settings = || Settings {
        preflight_deadline: Duration::from_millis(300),
        unauthorised_pause: Duration::from_millis(10),
        ..Settings::default()
    };
    for fault in [
        Fault::Close,
        Fault::status(503),
        Fault::status(429),
        Fault::refuse(401, "Unauthorized", "Unauthorized"),
    ] {
        let mock = Mock::start().await;
        mock.on(Method::GET, "/apis").fail(fault.clone());
        let submitter = mock.submitter_with(settings()).await;
        let templates = &declaration().templates[..1];
        let findings = submitter.preflight(templates).await;
        let found: Vec<_> = findings
            .iter()
            .map(|one| (one.blocking, one.answered))
            .collect();
        assert_eq!(found, [(false, false)], "{fault:?}: {findings:?}");
    }
    let mock = Mock::start().await;
    mock.on(Method::POST, "selfsubjectaccessreviews")
        .fail(Fault::status(503));
    let submitter = mock.submitter_with(settings()).await;
    let findings = submitter.preflight(&declaration().templates[..1]).await;
    assert!(!findings.is_empty() && findings.iter().all(|one| !one.answered && !one.blocking));
}

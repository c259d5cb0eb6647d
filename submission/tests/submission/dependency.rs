//! Tests of objects that need an earlier object from the same submission.

use gleaner_core::declaration::{Declaration, Policy, Scope};
use gleaner_core::render::Rendered;
use gleaner_proto::failure::FailureCode;
use gleaner_submission::Settings;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

use crate::mock::{Fault, Mock};
use crate::templates::{image, namespace, submit, unowned};

/// Returns an object of this kind with additional fields.
fn object(resource: &str, kind: &str, name: &str, fields: &Value) -> Rendered {
    let mut rendered = unowned(image(resource, name, "1"));
    let metadata = rendered.object["metadata"].take();
    rendered.object = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
    for (key, value) in fields.as_object().into_iter().flatten() {
        rendered.object[key] = value.clone();
    }
    rendered
}

fn within(mut rendered: Rendered, namespace: &str) -> Rendered {
    rendered.object["metadata"]["namespace"] = namespace.into();
    rendered
}

fn config(resource: &str, name: &str) -> Rendered {
    within(
        object(resource, "ConfigMap", name, &json!({"data": {}})),
        "pr-42",
    )
}

/// Returns one line for each POST: the object's name, prefixed with `dry` for a dry run. Consecutive dry runs are sorted,
/// because they are concurrent.
fn posts(mock: &Mock) -> Vec<String> {
    let mut posts: Vec<(bool, String)> = mock
        .requests()
        .into_iter()
        .filter(|seen| seen.method == Method::POST)
        .map(|seen| (seen.query.contains("dryRun"), seen.name()))
        .collect();
    for alike in posts.chunk_by_mut(|(dry, _), (next, _)| dry == next) {
        if alike[0].0 {
            alike.sort();
        }
    }
    let text = |(dry, name): (bool, String)| if dry { format!("dry {name}") } else { name };
    posts.into_iter().map(text).collect()
}

fn no_namespace() -> Fault {
    Fault::refuse(404, "NotFound", "namespaces \"pr-42\" not found")
}

#[tokio::test]
async fn objects_in_a_new_namespace_are_dry_run_when_it_exists() {
    let mock = Mock::start().await;
    // The API server does not see the Namespace yet when it receives the second dry run.
    mock.on(Method::POST, "pr-42/configmaps")
        .first(2)
        .fail(no_namespace());
    let rendered = vec![namespace("pr-42"), config("cm", "settings")];
    let submission = submit(&mock.submitter().await, rendered).await.unwrap();
    assert_eq!(submission.committed.len(), 2);
    assert_eq!(
        posts(&mock),
        [
            "dry pr-42",
            "dry settings",
            "pr-42",
            "dry settings",
            "dry settings",
            "settings"
        ]
    );
}

#[tokio::test]
async fn all_refusals_in_a_new_namespace_are_reported_and_the_namespace_is_rolled_back() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "pr-42/configmaps")
        .first(2)
        .fail(no_namespace());
    let invalid = || Fault::refuse(422, "Invalid", "data: Required value");
    mock.on(Method::POST, "pr-42/configmaps").fail(invalid());
    let rendered = vec![namespace("pr-42"), config("a", "a"), config("b", "b")];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    let resources: Vec<_> = error.failures.iter().map(|one| one.to_message()).collect();
    assert_eq!(
        resources
            .iter()
            .map(|one| (one.resource.as_deref(), one.code))
            .collect::<Vec<_>>(),
        [
            (Some("a"), FailureCode::Invalid),
            (Some("b"), FailureCode::Invalid)
        ]
    );
    assert_eq!(error.aftermath.removed, ["Namespace pr-42"]);
    assert!(mock.paths().is_empty(), "{:?}", mock.paths());
}

#[tokio::test]
async fn a_namespace_that_is_refused_is_the_only_failure() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "/namespaces\\?").fail(Fault::refuse(
        403,
        "Forbidden",
        "namespaces is forbidden: User \"sa\" cannot create resource \"namespaces\"",
    ));
    mock.on(Method::POST, "pr-42/configmaps")
        .fail(no_namespace());
    let rendered = vec![namespace("pr-42"), config("cm", "settings")];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert_eq!(error.failures.len(), 1, "{error}");
    assert_eq!(error.failures[0].to_message().code, FailureCode::Forbidden);
}

#[tokio::test]
async fn the_error_names_a_namespace_that_comes_later() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "pr-42/configmaps")
        .fail(no_namespace());
    let rendered = vec![config("cm", "settings"), namespace("pr-42")];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert!(
        error
            .sentence()
            .contains("'ns' creates it: put 'ns' before 'cm'"),
        "{error}"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn a_pod_is_dry_run_again_when_its_service_account_exists() {
    for message in [
        "pods \"app\" is forbidden: error looking up service account ci/robot: serviceaccount \"robot\" not found",
        "pods \"app\" is forbidden: no PriorityClass with name robot was found",
        "admission webhook \"pods.example.com\" denied the request: the account robot is unknown",
    ] {
        let mock = Mock::start().await;
        mock.on(Method::POST, "/pods")
            .first(1)
            .fail(Fault::refuse(403, "Forbidden", message));
        let account = object("robot", "ServiceAccount", "robot", &json!({}));
        let spec = json!({"spec": {"serviceAccountName": "robot", "containers": []}});
        let pod = object("app", "Pod", "app", &spec);
        submit(&mock.submitter().await, vec![account, pod])
            .await
            .unwrap();
        assert_eq!(posts(&mock).last().unwrap(), "app", "{message}");
    }
}

#[tokio::test]
async fn an_object_that_mentions_no_earlier_one_is_refused_before_anything_is_created() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "/pods").fail(Fault::refuse(
        403,
        "Forbidden",
        "pods \"app\" is forbidden: serviceaccount \"other\" not found",
    ));
    let account = object("robot", "ServiceAccount", "robot", &json!({}));
    let spec = json!({"spec": {"serviceAccountName": "other", "containers": []}});
    let rendered = vec![account, object("app", "Pod", "app", &spec)];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    let failure = error.failures[0].to_message();
    assert_eq!(failure.code, FailureCode::ReferenceNotFound);
    assert_eq!(posts(&mock), ["dry app", "dry robot"]);
}

#[tokio::test]
async fn a_namespace_that_never_becomes_visible_fails_the_submission_and_is_rolled_back() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "pr-42/configmaps")
        .fail(no_namespace());
    let settings = Settings {
        visible_timeout: Duration::from_millis(300),
        ..Settings::default()
    };
    let rendered = vec![namespace("pr-42"), config("cm", "settings")];
    let submitter = mock.submitter_with(settings).await;
    let error = submit(&submitter, rendered).await.unwrap_err();
    let failure = error.failures[0].to_message();
    assert_eq!(failure.code, FailureCode::NamespaceNotFound);
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn a_namespace_is_deleted_after_its_objects() {
    let mock = Mock::start().await;
    let mut last = config("last", "last");
    last.policy = Policy::Create;
    mock.on(Method::POST, "pr-42/configmaps\\?fieldManager")
        .named("last")
        .fail(Fault::refuse(422, "Invalid", "no"));
    let first = object("first", "ConfigMap", "first", &json!({}));
    let rendered = vec![first, namespace("pr-42"), config("in", "in"), last];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        [
            "ConfigMap pr-42/in",
            "ConfigMap ci/first",
            "Namespace pr-42"
        ]
    );
}

#[tokio::test]
async fn the_preflight_accepts_a_kind_that_the_declaration_defines() {
    let text = |crd: &str| {
        format!(
            "
objects:
  - name: instance
    resourceTemplate: {{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}}}
  - name: crd
    policy: Apply
    resourceTemplate:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {{name: widgets.example.com}}
      spec: {{group: example.com, names: {{kind: {crd}, plural: widgets}}}}
"
        )
    };
    let mock = Mock::start().await;
    let submitter = mock.submitter().await;
    for (kind, first, expected) in [
        ("Widget", "crd", vec!["crd"]),
        ("Widget", "instance", vec!["instance", "crd"]),
        ("Gadget", "crd", vec!["crd", "instance"]),
    ] {
        let declaration = Declaration::parse(&text(kind), &Scope::default()).unwrap();
        let mut templates: Vec<_> = declaration.templates.iter().cloned().collect();
        if templates[0].name.as_str() != first {
            templates.reverse();
        }
        let findings = submitter.preflight(&templates).await;
        let found: Vec<_> = findings
            .iter()
            .map(|finding| finding.failure.resource.as_deref().unwrap())
            .collect();
        // The mock API server does not serve CRDs, so the preflight always reports `crd`.
        assert_eq!(found, expected, "{kind} after {first}: {findings:?}");
    }
}

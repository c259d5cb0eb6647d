//! The discovery requests that the kube crate sends.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use serde_json::{Value, json};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_group_version_lists_its_kinds,
        a_group_lists_its_versions,
        the_groups_are_listed,
        the_client_finds_kinds_by_group_version_and_kind,
        an_unknown_group_or_resource_is_not_found,
        the_server_reports_that_it_is_ready,
        a_client_can_review_its_access,
    ]
}

fn line<'a>(list: &'a Value, name: &str) -> &'a Value {
    let resources = list["resources"].as_array().expect("resources");
    resources
        .iter()
        .find(|r| r["name"] == name)
        .unwrap_or_else(|| panic!("{name} in {list}"))
}

async fn a_group_version_lists_its_kinds(server: &Server) {
    let list = server
        .get("/apis/tekton.dev/v1alpha1")
        .await
        .expect_status(200)
        .json;
    assert_eq!(list["kind"], "APIResourceList");
    assert_eq!(list["groupVersion"], "tekton.dev/v1alpha1");
    let resource = line(&list, "pipelineresources");
    assert_eq!(resource["kind"], "PipelineResource");
    assert_eq!(resource["singularName"], "pipelineresource");
    assert_eq!(resource["namespaced"], true);
    let verbs = resource["verbs"].as_array().expect("verbs");
    for verb in ["create", "delete", "get", "list", "patch"] {
        assert!(verbs.contains(&json!(verb)), "{verb}");
    }

    let core = server.get("/api/v1").await.expect_status(200).json;
    assert_eq!(core["groupVersion"], "v1");
    assert_eq!(line(&core, "configmaps")["namespaced"], true);
    assert_eq!(line(&core, "namespaces")["namespaced"], false);
}

async fn a_group_lists_its_versions(server: &Server) {
    let group = server.get("/apis/tekton.dev").await.expect_status(200).json;
    assert_eq!(group["kind"], "APIGroup");
    let versions = json!([
        {"groupVersion": "tekton.dev/v1", "version": "v1"},
        {"groupVersion": "tekton.dev/v1alpha1", "version": "v1alpha1"},
    ]);
    assert_eq!(group["versions"], versions);
    assert_eq!(group["preferredVersion"], versions[0]);
}

async fn the_groups_are_listed(server: &Server) {
    let list = server.get("/apis").await.expect_status(200).json;
    assert_eq!(list["kind"], "APIGroupList");
    let groups = list["groups"].as_array().expect("groups");
    for name in [
        "apps",
        "authorization.k8s.io",
        "batch",
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
        "tekton.dev",
    ] {
        assert!(groups.iter().any(|group| group["name"] == name), "{name}");
    }
    let core = server.get("/api").await.expect_status(200).json;
    assert_eq!(core["versions"], json!(["v1"]));
}

async fn the_client_finds_kinds_by_group_version_and_kind(server: &Server) {
    for (group, version, kind, plural, namespaced) in [
        (
            "tekton.dev",
            "v1alpha1",
            "PipelineResource",
            "pipelineresources",
            true,
        ),
        ("", "v1", "ConfigMap", "configmaps", true),
        ("", "v1", "Namespace", "namespaces", false),
        (
            "networking.k8s.io",
            "v1",
            "NetworkPolicy",
            "networkpolicies",
            true,
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "ClusterRole",
            "clusterroles",
            false,
        ),
    ] {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let (found, capabilities) = discovery::pinned_kind(&server.client(), &gvk)
            .await
            .expect(kind);
        assert_eq!(found.plural, plural);
        assert_eq!(
            capabilities.scope == Scope::Namespaced,
            namespaced,
            "{kind}"
        );
    }
    let gvk = GroupVersionKind::gvk("tekton.dev", "v1alpha1", "Nonesuch");
    assert!(
        discovery::pinned_kind(&server.client(), &gvk)
            .await
            .is_err()
    );
    let gvk = GroupVersionKind::gvk("nonesuch.dev", "v1", "Nonesuch");
    let error = discovery::pinned_kind(&server.client(), &gvk)
        .await
        .expect_err("no such group");
    assert!(matches!(error, kube::Error::Api(status) if status.code == 404));
}

async fn an_unknown_group_or_resource_is_not_found(server: &Server) {
    for path in [
        "/apis/nonesuch.dev",
        "/apis/nonesuch.dev/v1",
        "/apis/nonesuch.dev/v1/namespaces/default/things",
        "/apis/tekton.dev/v1beta1",
        "/nonesuch",
        &server.path("tekton.dev/v1alpha1", "nonesuch"),
    ] {
        server.get(path).await.expect_status(404);
    }
    for path in [
        "/api/v2",
        "/apis/apps/v9",
        &server.path("v1", "nonesuch"),
        &server.path("apps/v1", "nonesuch"),
    ] {
        let answer = server.get(path).await.expect_status(404);
        assert_eq!(answer.reason(), "NotFound", "{path}");
    }
}

async fn the_server_reports_that_it_is_ready(server: &Server) {
    assert_eq!(server.get("/readyz").await.expect_status(200).text, "ok");
    let version = server.get("/version").await.expect_status(200).json;
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("36"))
    );
}

async fn a_client_can_review_its_access(server: &Server) {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": server.namespace(), "verb": "create", "group": "tekton.dev",
            "resource": "pipelineresources"}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = server.post(path, &review).await.expect_status(201).json;
    assert_eq!(answer["status"]["allowed"], true);
    assert_eq!(answer["spec"], review["spec"]);
    server.get(path).await.expect_status(405);
}

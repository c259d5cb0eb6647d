//! Discovery: lists the served groups, versions and kinds.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::access;
use crate::kind::{Kind, Registry};
use crate::refusal::Refusal;
use crate::state::Shared;

/// The group and version in a request path. Paths for the core group contain only a version.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct GroupVersion {
    #[serde(default)]
    group: String,
    version: String,
}

/// Serves `/api`.
pub(crate) async fn core_versions() -> Json<Value> {
    Json(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
}

/// Serves `/apis`.
pub(crate) async fn groups(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let registry = shared.registry();
    let groups = registry.groups();
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| group_json(group, versions))
        .collect();
    Json(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

/// Serves `/apis/GROUP`.
pub(crate) async fn group(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let registry = shared.registry();
    let groups = registry.groups();
    let found = groups.iter().find(|(group, _)| *group == name);
    let (name, versions) = found.ok_or_else(Refusal::not_served)?;
    let mut document = group_json(name, versions);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Ok(Json(document))
}

/// Serves `/api/v1` and `/apis/GROUP/VERSION`.
pub(crate) async fn resources(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<GroupVersion>,
) -> Result<Json<Value>, Refusal> {
    let resources = resource_list(&shared.registry(), &path);
    resources.map(Json).ok_or_else(Refusal::not_served)
}

/// Serves `/version`: the Kubernetes release whose behavior this server follows, with a suffix that identifies this server.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({
        "major": "1",
        "minor": "36",
        "gitVersion": concat!("v1.36.0+local.", env!("CARGO_PKG_VERSION")),
        "platform": "linux/amd64",
    }))
}

fn resource_list(
    registry: &Registry,
    GroupVersion { group, version }: &GroupVersion,
) -> Option<Value> {
    let kinds = registry.in_version(group, version);
    let mut resources: Vec<Value> = kinds.map(|kind| resource(kind)).collect();
    if (group.as_str(), version.as_str()) == (access::GROUP, access::VERSION) {
        resources.push(access::resource());
    }
    let group_version = if group.is_empty() {
        version.clone()
    } else {
        format!("{group}/{version}")
    };
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group_version,
            "resources": resources,
        })
    })
}

fn group_json(name: &str, versions: &[&str]) -> Value {
    let entry =
        |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({
        "name": name,
        "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

fn resource(kind: &Kind) -> Value {
    json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "shortNames": kind.short_names,
        "categories": kind.categories,
        "verbs": ["create", "delete", "get", "list", "patch"],
    })
}

//! Runs Helm, and parses the objects that it renders.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gleaner_tests::rig;
use gleaner_tests::server::Server;
use serde_json::Value;

/// The name of the Helm release that the cases install.
pub(crate) const RELEASE: &str = "gleaner";

/// Returns the path of a file or directory in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub(crate) fn chart() -> String {
    repository("charts/gleaner").display().to_string()
}

/// Runs Helm with temporary cache, config and data directories, so that Helm does not use the user's directories.
pub(crate) fn helm(arguments: &[&str]) -> Output {
    let program = rig::helm().expect("helm").join("helm");
    let home = tempfile::tempdir().expect("a directory");
    let folder = |name: &str| home.path().join(name);
    Command::new(program)
        .args(arguments)
        .env("HELM_CACHE_HOME", folder("cache"))
        .env("HELM_CONFIG_HOME", folder("config"))
        .env("HELM_DATA_HOME", folder("data"))
        .env_remove("KUBECONFIG")
        .output()
        .expect("helm runs")
}

/// Runs Helm, asserts that it succeeds, and returns its standard output.
#[track_caller]
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let output = helm(arguments);
    assert!(
        output.status.success(),
        "helm {arguments:?}: {}",
        words(&output)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs Helm, asserts that it fails, and returns its standard output and standard error.
#[track_caller]
pub(crate) fn fail(arguments: &[&str]) -> String {
    let output = helm(arguments);
    assert!(
        !output.status.success(),
        "helm {arguments:?}: {}",
        words(&output)
    );
    words(&output)
}

fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Renders the chart with these values (`a.b=c`) for a release in this namespace, and returns the objects.
#[track_caller]
pub(crate) fn render(namespace: &str, values: &[&str]) -> Vec<Value> {
    render_on("1.36.0", namespace, values)
}

/// Same as [`render`], for a cluster with this Kubernetes version.
#[track_caller]
pub(crate) fn render_on(version: &str, namespace: &str, values: &[&str]) -> Vec<Value> {
    let chart = chart();
    let mut arguments = vec!["template", RELEASE, &chart, "--namespace", namespace];
    arguments.extend(["--kube-version", version]);
    for value in values {
        arguments.extend(["--set", value]);
    }
    let text = succeed(&arguments);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect()
}

/// Returns the object with this kind and name.
///
/// # Panics
/// Panics if there is no such object.
#[track_caller]
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("the chart did not render {kind} {name}"))
}

/// Returns the path at which to create objects that have the same kind and namespace as `object`. Looks up the plural in the API
/// server's discovery.
pub(crate) async fn collection(server: &Server, object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("an apiVersion");
    let root = if version.contains('/') { "apis" } else { "api" };
    let list = server
        .get(&format!("/{root}/{version}"))
        .await
        .expect_status(200)
        .json;
    let resource = list["resources"]
        .as_array()
        .expect("a list of resources")
        .iter()
        .find(|resource| {
            let plain = resource["name"]
                .as_str()
                .is_some_and(|name| !name.contains('/'));
            plain && resource["kind"] == object["kind"]
        })
        .unwrap_or_else(|| panic!("{version} does not contain the kind {}", object["kind"]));
    let plural = resource["name"].as_str().expect("a name");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => {
            assert_eq!(resource["namespaced"], false, "{object} needs a namespace");
            format!("/{root}/{version}/{plural}")
        }
    }
}

/// Creates one of the chart's admission policies, and the binding for that policy.
pub(crate) async fn install_policy(server: &Server, name: &str) {
    let objects = render("gleaner", &[]);
    for kind in [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ] {
        let object = find(&objects, kind, name);
        let path = collection(server, object).await;
        // Cases share the API server, so another case may have installed the object already.
        let status = server.post(&path, object).await.status.as_u16();
        assert!([201, 409].contains(&status), "{kind} {name}: {status}");
    }
}

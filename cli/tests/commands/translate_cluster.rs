//! Tests `gleaner translate --context`, which fetches PipelineResources that are not in the files.

use crate::support::cluster::{Cluster, kubeconfig};
use crate::support::{self, Ran, file, gleaner};
use gleaner_local_apiserver::LocalApiServer;
use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::json;

const RUN: &str = "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: r}
spec:
  taskRef: {name: t}
  resources: {inputs: [{name: src, resourceRef: {name: demo}}]}
";

/// Returns a cluster that contains the PipelineResource `demo`.
fn cluster() -> Cluster {
    let cluster = Cluster::start(LocalApiServer::builder().namespace("builds"));
    seed(&cluster, "demo", "builds", "https://git.example/demo");
    cluster
}

fn seed(cluster: &Cluster, name: &str, namespace: &str, url: &str) {
    let params = json!([{"name": "url", "value": url}]);
    let resource = json!({
        "apiVersion": "tekton.dev/v1alpha1",
        "kind": "PipelineResource",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "git", "params": params},
    });
    cluster.server.seed(resource).unwrap();
}

/// Translates `text` with a kubeconfig for the cluster at `url`.
fn translate(url: &str, text: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let input = file(directory.path(), "run.yaml", text);
    let kubeconfig = kubeconfig(directory.path(), url, "old");
    let first = ["translate", "-f", &input, "--kubeconfig", &kubeconfig];
    gleaner(&[&first, arguments].concat())
}

#[test]
fn a_resource_that_no_file_contains_is_read_from_the_cluster() {
    let cluster = cluster();
    let url = cluster.server.url();
    let value = |text: &str, arguments: &[&str]| {
        let ran = translate(&url, text, arguments);
        ran.exits(0);
        ran.object()["spec"]["params"][0]["value"].clone()
    };
    let expected = |url: &str| json!({"name": "demo", "url": url, "revision": ""});
    assert_eq!(value(RUN, &[]), expected("https://git.example/demo"));
    assert_eq!(
        value(RUN, &["--context", "old"]),
        expected("https://git.example/demo")
    );
    // The namespace in the document takes precedence over `-n`, which takes precedence over the namespace in the kubeconfig.
    seed(&cluster, "demo", "default", "https://git.example/other");
    assert_eq!(
        value(RUN, &["-n", "default"]),
        expected("https://git.example/other")
    );
    let there = RUN.replace("{name: r}", "{name: r, namespace: default}");
    assert_eq!(
        value(&there, &["-n", "builds"]),
        expected("https://git.example/other")
    );
    cluster.end();
}

#[test]
fn the_error_about_a_missing_resource_names_files_and_cluster() {
    let gone = RUN.replace("demo", "gone");
    let cluster = cluster();
    let without_kind = ApiServer::start();
    without_kind
        .on(Method::GET, "")
        .fail(Fault::answer(404, &[], json!("404 page not found")));
    for url in [cluster.server.url(), without_kind.url()] {
        let ran = translate(&url, &gone, &[]);
        ran.exits(78)
            .says("run.yaml:6:56: error: spec.resources.inputs[0].resourceRef.name: PipelineResource 'gone' not found in the files or in namespace builds of the cluster old; add its file with -f\n");
        assert_eq!(ran.stdout, "");
    }
    cluster.end();
}

#[test]
fn the_error_about_an_invalid_resource_names_the_cluster() {
    let cluster = cluster();
    seed(&cluster, "empty", "builds", "");
    let text = RUN.replace("demo", "empty");
    translate(&cluster.server.url(), &text, &[])
        .exits(78)
        .says("PipelineResource empty in namespace builds of the cluster old: error: spec: the PipelineResource has no param 'url'");
    cluster.end();
}

#[test]
fn an_unreachable_cluster_and_an_invalid_kubeconfig_have_different_exit_codes() {
    let cluster = cluster();
    let url = cluster.server.url();
    translate(&url, RUN, &["--context", "new"])
        .exits(64)
        .says("the kubeconfig cannot be used: ")
        .says("; set KUBECONFIG, or specify --kubeconfig FILE\n");
    cluster.end();
    translate(&url, RUN, &[])
        .exits(69)
        .says("cannot read the PipelineResource 'demo' from namespace builds of the cluster old");
}

#[test]
fn resources_in_the_files_are_not_requested() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("none");
    gleaner(&[
        "translate",
        "-f",
        "examples/build-and-test.yaml",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ])
    .exits(0);
}

/// Starts a proxy that reads the beginning of one request and then closes the connection. Returns the proxy's URL and a channel
/// that receives what the proxy read.
fn listening_proxy() -> (String, std::sync::mpsc::Receiver<String>) {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut connection, _) = proxy.accept().unwrap();
        let mut line = [0; 64];
        let length = std::io::Read::read(&mut connection, &mut line).unwrap();
        let line = String::from_utf8_lossy(&line[..length]).into_owned();
        sender.send(line).unwrap();
    });
    (url, asked)
}

/// Panics unless the proxy received a request to connect to `cluster.example`. Call this after the command has exited.
#[track_caller]
fn assert_asked(proxy: &std::sync::mpsc::Receiver<String>) {
    let asked = proxy.recv_timeout(std::time::Duration::from_secs(10));
    let asked = asked.expect("the proxy received no request");
    assert!(
        asked.starts_with("CONNECT cluster.example:6443 HTTP/1.1"),
        "{asked}"
    );
}

#[test]
fn the_proxy_of_a_kubeconfig_overrides_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let input = file(folder.path(), "run.yaml", RUN);
    for exceptions in ["*", "127.0.0.1", "cluster.example"] {
        let (url, asked) = listening_proxy();
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "users": [{"name": "a", "user": {"token": "t"}}],
            "clusters": [{
                "name": "a",
                "cluster": {"server": "https://cluster.example:6443", "proxy-url": url},
            }],
        });
        let kubeconfig = file(folder.path(), "kubeconfig", &kubeconfig.to_string());
        let arguments = ["translate", "-f", &input, "--kubeconfig", &kubeconfig];
        let mut command = support::command(&arguments);
        // No server listens at this address. If the command used this proxy, the other proxy would receive no request.
        command.env("HTTPS_PROXY", "http://127.0.0.1:1");
        let through = command.env("NO_PROXY", exceptions).output().unwrap();
        assert_eq!(through.status.code(), Some(69), "{exceptions} {through:?}");
        assert_asked(&asked);
    }
}

#[test]
fn proxies_are_used_as_by_kubectl() {
    let cluster = cluster();
    let input = file(cluster.directory.path(), "run.yaml", RUN);
    let kubeconfig = cluster.kubeconfig("old");
    let translate = |kubeconfig: &str, variables: &[(&str, &str)]| {
        let mut command =
            support::command(&["translate", "-f", &input, "--kubeconfig", kubeconfig]);
        command.envs(variables.iter().copied()).output().unwrap()
    };
    // No server listens at this address, but the request succeeds, because requests to loopback addresses never use a proxy.
    let nowhere = "http://127.0.0.1:1";
    let direct = translate(
        &kubeconfig,
        &[("HTTPS_PROXY", nowhere), ("HTTP_PROXY", nowhere)],
    );
    assert!(direct.status.success(), "{direct:?}");
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let elsewhere = text.replace(&cluster.server.url(), "https://cluster.example:6443");
    let elsewhere = file(cluster.directory.path(), "elsewhere", &elsewhere);
    let (url, asked) = listening_proxy();
    let through = translate(&elsewhere, &[("HTTPS_PROXY", &url)]);
    assert_eq!(through.status.code(), Some(69), "{through:?}");
    assert_asked(&asked);
    let wrong = translate(&elsewhere, &[("HTTPS_PROXY", "http://")]);
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("proxy"), "{said}");
    assert!(
        said.contains("the variable HTTPS_PROXY does not contain"),
        "{said}"
    );
    for (name, value) in [("NO_PROXY", "a,b,"), ("no_proxy", "10.0.0.0/99")] {
        let wrong = translate(&elsewhere, &[("HTTPS_PROXY", nowhere), (name, value)]);
        assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
        let said = String::from_utf8(wrong.stderr).unwrap();
        assert!(
            said.contains(&format!("the variable {name} does not contain")),
            "{said}"
        );
    }
    cluster.end();
}

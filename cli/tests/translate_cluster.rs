//! `gleaner translate --context`: PipelineResources that are in no file.

mod support;

use gleaner_local_apiserver::LocalApiServer;
use serde_json::json;
use support::{Ran, file, gleaner};

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pipelineresources.tekton.dev}
spec:
  group: tekton.dev
  scope: Namespaced
  names: {kind: PipelineResource, plural: pipelineresources, singular: pipelineresource}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

const RUN: &str = "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: r}
spec:
  taskRef: {name: t}
  resources: {inputs: [{name: src, resourceRef: {name: demo}}]}
";

struct Cluster {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    server: LocalApiServer,
}

impl Cluster {
    fn new(with_kind: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = LocalApiServer::builder().namespace("builds");
        let builder = if with_kind {
            builder.crds(CRD).unwrap()
        } else {
            builder
        };
        let server = runtime.block_on(builder.start()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let made = Self {
            folder,
            runtime,
            server,
        };
        if with_kind {
            made.seed("demo", "builds", "https://git.example/demo");
        }
        made
    }

    fn seed(&self, name: &str, namespace: &str, url: &str) {
        let params = json!([{"name": "url", "value": url}]);
        let resource = json!({
            "apiVersion": "tekton.dev/v1alpha1",
            "kind": "PipelineResource",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"type": "git", "params": params},
        });
        self.server.seed(resource).unwrap();
    }

    fn kubeconfig(&self) -> String {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: old\n\
             clusters: [{{name: c, cluster: {{server: \"{}\"}}}}]\n\
             contexts: [{{name: old, context: {{cluster: c, user: u, namespace: builds}}}}]\nusers: [{{name: u, user: {{}}}}]\n",
            self.server.url()
        );
        file(self.folder.path(), "kubeconfig", &text)
    }

    fn translate(&self, text: &str, arguments: &[&str]) -> Ran {
        let input = file(self.folder.path(), "run.yaml", text);
        let kubeconfig = self.kubeconfig();
        let first = ["translate", "-f", &input, "--kubeconfig", &kubeconfig];
        gleaner(&[&first, arguments].concat())
    }

    fn end(self) {
        self.runtime.block_on(self.server.shutdown());
    }
}

#[test]
fn a_resource_that_is_in_no_file_comes_from_the_cluster() {
    let cluster = Cluster::new(true);
    let value = |arguments: &[&str]| {
        let ran = cluster.translate(RUN, arguments);
        ran.exits(0);
        ran.object()["spec"]["params"][0]["value"].clone()
    };
    let expected = |url: &str| json!({"name": "demo", "url": url, "revision": ""});
    assert_eq!(value(&[]), expected("https://git.example/demo"));
    assert_eq!(
        value(&["--context", "old"]),
        expected("https://git.example/demo")
    );
    // The document takes precedence over the flag, and the flag over the kubeconfig.
    cluster.seed("demo", "default", "https://git.example/other");
    assert_eq!(
        value(&["-n", "default"]),
        expected("https://git.example/other")
    );
    let there = RUN.replace("{name: r}", "{name: r, namespace: default}");
    let ran = cluster.translate(&there, &["-n", "builds"]);
    assert_eq!(
        ran.object()["spec"]["params"][0]["value"],
        expected("https://git.example/other")
    );
    cluster.end();
}

#[test]
fn a_resource_that_is_nowhere_is_named_with_both_places() {
    let gone = RUN.replace("demo", "gone");
    for with_kind in [true, false] {
        let cluster = Cluster::new(with_kind);
        let ran = cluster.translate(&gone, &[]);
        ran.exits(78)
            .says("run.yaml:6:56: error: spec.resources.inputs[0].resourceRef.name: PipelineResource 'gone' not found in the files or in namespace builds of the cluster old; add its file with -f\n");
        assert_eq!(ran.stdout, "");
        cluster.end();
    }
}

#[test]
fn a_resource_of_no_use_is_said_to_be_the_clusters() {
    let cluster = Cluster::new(true);
    cluster.seed("empty", "builds", "");
    let ran = cluster.translate(&RUN.replace("demo", "empty"), &[]);
    ran.exits(78)
        .says("PipelineResource empty in namespace builds of the cluster old: error: spec: the PipelineResource has no param 'url'");
    cluster.end();
}

#[test]
fn a_cluster_out_of_reach_is_not_a_fault_of_the_files() {
    let cluster = Cluster::new(true);
    let (kubeconfig, input) = (
        cluster.kubeconfig(),
        file(cluster.folder.path(), "run.yaml", RUN),
    );
    let first = ["translate", "-f", &input, "--kubeconfig", &kubeconfig];
    gleaner(&[&first[..], &["--context", "new"]].concat())
        .exits(64)
        .says("the kubeconfig cannot be used");
    cluster.runtime.block_on(cluster.server.shutdown());
    gleaner(&first).exits(69).says(
        "the PipelineResource 'demo' cannot be read from namespace builds of the cluster old",
    );
}

#[test]
fn nothing_is_asked_for_what_the_files_have() {
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

/// Returns a proxy that reads the beginning of one request and closes the connection.
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

/// Panics unless an exited process asked the proxy for the other cluster.
#[track_caller]
fn assert_asked(proxy: &std::sync::mpsc::Receiver<String>) {
    let asked = proxy.recv_timeout(std::time::Duration::from_secs(10));
    let asked = asked.expect("a request to the proxy");
    assert!(
        asked.starts_with("CONNECT cluster.example:6443 HTTP/1.1"),
        "{asked}"
    );
}

#[test]
fn the_proxy_of_a_kubeconfig_counts_more_than_the_variables() {
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
        // No server listens there.
        command.env("HTTPS_PROXY", "http://127.0.0.1:1");
        let through = command.env("NO_PROXY", exceptions).output().unwrap();
        assert_eq!(through.status.code(), Some(69), "{exceptions} {through:?}");
        assert_asked(&asked);
    }
}

#[test]
fn a_proxy_is_used_as_kubectl_does() {
    let cluster = Cluster::new(true);
    let input = file(cluster.folder.path(), "run.yaml", RUN);
    let translate = |kubeconfig: &str, variables: &[(&str, &str)]| {
        let mut command =
            support::command(&["translate", "-f", &input, "--kubeconfig", kubeconfig]);
        command.envs(variables.iter().copied()).output().unwrap()
    };
    // No server listens there, and this machine is never behind a proxy.
    let nowhere = "http://127.0.0.1:1";
    let direct = translate(
        &cluster.kubeconfig(),
        &[("HTTPS_PROXY", nowhere), ("HTTP_PROXY", nowhere)],
    );
    assert!(direct.status.success(), "{direct:?}");
    let text = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    let elsewhere = text.replace(&cluster.server.url(), "https://cluster.example:6443");
    let elsewhere = file(cluster.folder.path(), "elsewhere", &elsewhere);
    let (url, asked) = listening_proxy();
    let through = translate(&elsewhere, &[("HTTPS_PROXY", &url)]);
    assert_eq!(through.status.code(), Some(69), "{through:?}");
    assert_asked(&asked);
    let wrong = translate(&elsewhere, &[("HTTPS_PROXY", "http://")]);
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("proxy"), "{said}");
    assert!(said.contains("the variable HTTPS_PROXY is not"), "{said}");
    for (name, value) in [("NO_PROXY", "a,b,"), ("no_proxy", "10.0.0.0/99")] {
        let wrong = translate(&elsewhere, &[("HTTPS_PROXY", nowhere), (name, value)]);
        assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
        let said = String::from_utf8(wrong.stderr).unwrap();
        assert!(
            said.contains(&format!("the variable {name} is not")),
            "{said}"
        );
    }
    cluster.end();
}

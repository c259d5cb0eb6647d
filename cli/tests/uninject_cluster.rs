//! `gleaner uninject --list` of a cluster.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use gleaner_local_apiserver::LocalApiServer;
use serde_json::{Value, json};
use support::{Ran, file, gleaner, gleaner_with_input, task};

const SPEC: &str = "steps: [{name: one, image: i, command: [a]}]";
/// A kind of Tekton's that the local API server does not have by itself.
const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tasks.tekton.dev}
spec:
  group: tekton.dev
  scope: Namespaced
  names: {kind: Task, plural: tasks, singular: task}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
const NOT_SERVED: &str = "\
warning: the cluster does not serve pipelines.tekton.dev, so the list does not include them
warning: the cluster does not serve jobsets.jobset.x-k8s.io, so the list does not include them
";

fn kubeconfig(directory: &tempfile::TempDir, url: &str) -> String {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: own\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
         contexts: [{{name: own, context: {{cluster: c, user: u, namespace: builds}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    file(directory.path(), "kubeconfig", &text)
}

/// Lists the cluster at `url`.
fn list(url: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(&directory, url);
    let first = ["uninject", "--list", "--kubeconfig", &kubeconfig];
    gleaner(&[&first, arguments].concat())
}

/// A Task that declares outputs, injected.
fn injected(spec: &str) -> Value {
    let text = task(support::ONE, spec);
    let ran = gleaner_with_input(&["inject", "-f", "-", "--image", "i"], &text);
    ran.exits(0);
    ran.object()
}

/// `object` with another kind, name and namespace.
fn named(mut object: Value, kind: &str, name: &str, namespace: &str) -> Value {
    object["kind"] = kind.into();
    object["metadata"]["name"] = name.into();
    object["metadata"]["namespace"] = namespace.into();
    object
}

fn template() -> Value {
    let container = json!({"name": "one", "image": "i", "command": ["a"]});
    json!({
        "metadata": {"annotations": {"gleaner.dev/outputs": support::ONE}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    })
}

#[test]
fn everything_in_a_cluster_is_listed_by_kind_and_what_it_does_not_serve_is_named() {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let builder = LocalApiServer::builder()
        .namespace("builds")
        .namespace("other")
        .crds(CRD)
        .unwrap();
    let server = runtime.block_on(builder.start()).unwrap();
    let plain = json!({"apiVersion": "tekton.dev/v1", "kind": "Task", "spec": {"steps": [{"name": "a", "image": "i"}]}});
    let done = injected(SPEC);
    let embedded = json!({"metadata": done["metadata"], "steps": done["spec"]["steps"], "sidecars": done["spec"]["sidecars"]});
    let run = json!({"apiVersion": "tekton.dev/v1", "metadata": {}, "spec": {"pipelineSpec": {"tasks": [{"name": "a", "taskSpec": embedded}]}}});
    let job = json!({"apiVersion": "batch/v1", "metadata": {}, "spec": {"template": template()}});
    let pod =
        json!({"apiVersion": "v1", "metadata": template()["metadata"], "spec": template()["spec"]});
    let cron = json!({"apiVersion": "batch/v1", "metadata": {}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template()}}}});
    for object in [
        named(plain, "Task", "plain", "builds"),
        named(done.clone(), "Task", "one", "builds"),
        named(done, "Task", "two", "other"),
        named(run, "PipelineRun", "run", "builds"),
        named(job, "Job", "job", "builds"),
        named(cron, "CronJob", "cron", "other"),
        named(pod, "Pod", "pod", "builds"),
    ] {
        server.seed(object).unwrap();
    }
    let url = server.url();
    let all = list(&url, &["--all-namespaces"]);
    all.exits(0);
    assert_eq!(
        all.stdout,
        "builds\tTask\tone\tinjected, declares outputs\n\
         other\tTask\ttwo\tinjected, declares outputs\n\
         builds\tPipelineRun\trun\tinjected, declares outputs\n\
         other\tCronJob\tcron\tdeclares outputs\n\
         builds\tJob\tjob\tdeclares outputs\n\
         builds\tPod\tpod\tdeclares outputs\n"
    );
    assert_eq!(all.stderr, NOT_SERVED);
    let other =
        "other\tTask\ttwo\tinjected, declares outputs\nother\tCronJob\tcron\tdeclares outputs\n";
    assert_eq!(list(&url, &["-n", "other"]).stdout, other);
    // Without a flag, the namespace is that of the kubeconfig's context.
    let own = list(&url, &["--context", "own"]).stdout;
    assert!(
        own.starts_with("builds\t") && !own.contains("other"),
        "{own}"
    );
    list(&url, &["-n", "nowhere"])
        .exits(64)
        .says("error: the cluster own has no namespace 'nowhere'\n");
    list(&url, &["-n", "../x"])
        .exits(64)
        .says("'../x' is not a valid name of a namespace");
    runtime.block_on(server.shutdown());
    let gone = list(&url, &["-A"]);
    gone.exits(69)
        .says("error: tasks.tekton.dev cannot be listed: ");
    assert_eq!(gone.stdout, "");
}

/// A server that responds to each path with query by `respond`, and tells which were requested.
fn fake(respond: impl Fn(&str) -> (u16, Value) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requested) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            lines.find(|line| line.as_ref().unwrap().is_empty());
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let (code, body) = respond(&path);
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // A client that has seen enough closes the connection.
            let _ = stream.write_all((head + &body).as_bytes());
            if sender.send(path).is_err() {
                return;
            }
        }
    });
    (url, requested)
}

fn refusal(code: u16, message: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "code": code, "message": message});
    (code, status)
}

/// Jobs with these names, as an API server lists them: without the kind of each.
fn jobs(names: &[&str], next: &str) -> (u16, Value) {
    let job = |name: &&str| json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"template": template()}});
    let items: Vec<Value> = names.iter().map(job).collect();
    let list = json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"continue": next}, "items": items});
    (200, list)
}

fn nothing() -> (u16, Value) {
    (
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": null}),
    )
}

const LINES: &str =
    "n\tJob\ta\tdeclares outputs\nn\tJob\tb\tdeclares outputs\nn\tJob\tc\tdeclares outputs\n";

#[test]
fn lists_come_in_pages() {
    let (url, requested) = fake(|path| match path {
        "/apis/batch/v1/jobs?limit=500" => jobs(&["a", "b"], "x/y="),
        "/apis/batch/v1/jobs?limit=500&continue=x%2Fy%3D" => jobs(&["c"], ""),
        _ => nothing(),
    });
    let ran = list(&url, &["-A"]);
    ran.exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (LINES, ""));
    let requested = requested.try_iter().filter(|path| path.contains("/jobs?"));
    assert_eq!(requested.count(), 2);
}

#[test]
fn a_page_that_is_too_large_is_requested_in_parts() {
    let (url, _requested) = fake(|path| match path {
        "/apis/batch/v1/jobs?limit=125" => jobs(&["a", "b"], "x"),
        "/apis/batch/v1/jobs?limit=125&continue=x" => jobs(&["c"], ""),
        _ if path.contains("/jobs?") => (200, "x".repeat(5 << 20).into()),
        _ => nothing(),
    });
    let ran = list(&url, &["-A"]);
    ran.exits(0);
    assert_eq!(ran.stdout, LINES);
}

#[test]
fn a_list_begins_again_when_the_server_no_longer_has_its_state() {
    let expired = std::sync::atomic::AtomicUsize::new(0);
    let (url, requested) = fake(move |path| match path {
        "/apis/batch/v1/jobs?limit=500" => jobs(&["a", "b"], "x"),
        "/apis/batch/v1/jobs?limit=500&continue=x" => {
            match expired.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => refusal(410, "The provided continue parameter is too old"),
                _ => jobs(&["c"], ""),
            }
        }
        // A server that never has it.
        _ if path.contains("/cronjobs?") => refusal(410, "too old"),
        _ => nothing(),
    });
    let ran = list(&url, &["-A"]);
    ran.exits(69)
        .says("error: the list does not include cronjobs.batch: the API server refused GET /apis/batch/v1/cronjobs: 410 Gone too old\n");
    assert_eq!(ran.stdout, LINES);
    let tries = requested
        .try_iter()
        .filter(|path| path.contains("/cronjobs?"));
    assert_eq!(tries.count(), 4);
}

#[test]
fn a_kind_that_may_not_be_listed_is_named_and_the_others_are_listed() {
    let (url, _requested) = fake(|path| {
        if path.ends_with("/namespaces/builds") {
            refusal(403, "namespaces is forbidden")
        } else if path.contains("/jobs?") {
            jobs(&["a", "b", "c"], "")
        } else if path.contains("/pods?") || path.contains("/tekton.dev/v1/tasks?") {
            refusal(403, "it is forbidden: User \"u\" cannot list it")
        } else {
            nothing()
        }
    });
    let ran = list(&url, &["-A"]);
    ran.exits(69).says(
        "error: the list does not include pods: the API server refused GET /api/v1/pods: 403 Forbidden it is forbidden: User \"u\" cannot \
         list it; ask for permission to list them in all namespaces, or list one namespace with -n\n",
    );
    ran.says("error: the list does not include tasks.tekton.dev: ");
    assert_eq!(ran.stdout, LINES);
    list(&url, &[]).exits(69).says(
        "403 Forbidden it is forbidden: User \"u\" cannot list it; ask for permission to list them in this namespace\n",
    );
    // Whom the server does not know, it refuses everything.
    let (url, requested) = fake(|_| refusal(401, "Unauthorized"));
    list(&url, &["-A"])
        .exits(69)
        .says("error: tasks.tekton.dev cannot be listed: ")
        .says("401 Unauthorized");
    assert_eq!(requested.try_iter().count(), 1);
}

#[test]
fn old_versions_of_tekton_are_listed() {
    let done = named(injected(SPEC), "Task", "old", "n");
    let (url, _requested) = fake(move |path| match path {
        "/apis/tekton.dev/v1beta1/tasks?limit=500" => (200, json!({"items": [done]})),
        _ if path.contains("/tekton.dev/v1/") => refusal(404, "not found"),
        _ if path.contains("/pipelines?") => refusal(404, "not found"),
        _ => nothing(),
    });
    let ran = list(&url, &["-A"]);
    ran.exits(0);
    assert_eq!(ran.stdout, "n\tTask\told\tinjected, declares outputs\n");
    assert_eq!(
        ran.stderr,
        "warning: the cluster does not serve pipelines.tekton.dev, so the list does not include them\n"
    );
}

#[test]
fn a_cluster_is_listed_and_nothing_else() {
    let wrong: [(&[&str], &str); 6] = [
        (&["-A"], "--list"),
        (&["-n", "builds"], "--list"),
        (&["--list"], "--filename <FILE>..."),
        (&["--list", "-A", "-f", "-"], "cannot be used with"),
        (&["--list", "-A", "task.yaml"], "cannot be used with"),
        (&["--list", "-A", "-n", "builds"], "cannot be used with"),
    ];
    for (arguments, message) in wrong {
        let ran = gleaner(&[&["uninject"], arguments].concat());
        ran.exits(64).says(message);
    }
    list("http://127.0.0.1:1", &["--context", "none"])
        .exits(64)
        .says("the kubeconfig cannot be used");
}

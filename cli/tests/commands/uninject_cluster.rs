//! Tests `gleaner uninject --list`, which lists the objects in a cluster that are injected or declare outputs.

use crate::support::cluster::{Cluster, kubeconfig};
use crate::support::{self, Ran, gleaner, gleaner_with_input, task};
use gleaner_local_apiserver::LocalApiServer;
use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::{Value, json};

const SPEC: &str = "steps: [{name: one, image: i, command: [a]}]";
/// The CRD of Tekton's Task, which the local API server does not serve by default.
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

/// Runs `gleaner uninject --list` in the cluster at `url`.
fn list(url: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(directory.path(), url, "own");
    let first = ["uninject", "--list", "--kubeconfig", &kubeconfig];
    gleaner(&[&first, arguments].concat())
}

/// Returns an injected Task that declares outputs.
fn injected(spec: &str) -> Value {
    let text = task(support::ONE, spec);
    let ran = gleaner_with_input(&["inject", "-f", "-", "--image", "i"], &text);
    ran.exits(0);
    ran.object()
}

/// Sets the kind, name and namespace of `object`, and returns the object.
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
fn objects_in_a_cluster_are_listed_by_kind_and_unserved_kinds_reported() {
    let builder = LocalApiServer::builder()
        .namespace("builds")
        .namespace("other")
        .crds(CRD)
        .unwrap();
    let cluster = Cluster::start(builder);
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
        cluster.server.seed(object).unwrap();
    }
    let url = cluster.server.url();
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
    // Without `-n` and `-A`, the command lists the objects in the namespace of the kubeconfig context.
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
        .says("'../x' is not a valid namespace name");
    cluster.end();
    let gone = list(&url, &["-A"]);
    gone.exits(69).says("error: cannot list tasks.tekton.dev: ");
    assert_eq!(gone.stdout, "");
}

/// Returns an API server that responds to each GET request with the first of `responses` whose regular expression matches the
/// path and query, and otherwise with an empty list.
fn api_server(responses: impl IntoIterator<Item = (&'static str, Fault)>) -> ApiServer {
    with_lists(ApiServer::start(), responses)
}

/// Adds the rules of [`api_server`] after the rules that `server` already has.
fn with_lists(
    server: ApiServer,
    responses: impl IntoIterator<Item = (&'static str, Fault)>,
) -> ApiServer {
    for (target, response) in responses {
        server.on(Method::GET, target).fail(response);
    }
    let empty = json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": null});
    server
        .on(Method::GET, "")
        .fail(Fault::answer(200, &[], empty));
    server
}

fn refusal(code: u16, message: &str) -> Fault {
    Fault::refuse(code, "", message)
}

/// Returns a response with a list of Jobs and the continue token `next`. As in lists of a real API server, the items have no
/// `kind`.
fn jobs(names: &[&str], next: &str) -> Fault {
    let job = |name: &&str| json!({"metadata": {"name": name, "namespace": "n"}, "spec": {"template": template()}});
    let items: Vec<Value> = names.iter().map(job).collect();
    let list = json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"continue": next}, "items": items});
    Fault::answer(200, &[], list)
}

const LINES: &str =
    "n\tJob\ta\tdeclares outputs\nn\tJob\tb\tdeclares outputs\nn\tJob\tc\tdeclares outputs\n";

#[test]
fn lists_are_read_in_pages() {
    let server = api_server([
        (
            r"^/apis/batch/v1/jobs\?limit=500$",
            jobs(&["a", "b"], "x/y="),
        ),
        (
            r"^/apis/batch/v1/jobs\?limit=500&continue=x%2Fy%3D$",
            jobs(&["c"], ""),
        ),
    ]);
    let ran = list(&server.url(), &["-A"]);
    ran.exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (LINES, ""));
    assert_eq!(server.count(&Method::GET, r"/jobs\?"), 2);
}

#[test]
fn a_page_that_is_too_large_is_requested_in_parts() {
    let server = api_server([
        (r"^/apis/batch/v1/jobs\?limit=125$", jobs(&["a", "b"], "x")),
        (
            r"^/apis/batch/v1/jobs\?limit=125&continue=x$",
            jobs(&["c"], ""),
        ),
        (
            r"/jobs\?",
            Fault::answer(200, &[], "x".repeat(5 << 20).into()),
        ),
    ]);
    let ran = list(&server.url(), &["-A"]);
    ran.exits(0);
    assert_eq!(ran.stdout, LINES);
}

#[test]
fn a_list_restarts_if_the_server_lost_its_state() {
    let server = ApiServer::start();
    let second = r"^/apis/batch/v1/jobs\?limit=500&continue=x$";
    server
        .on(Method::GET, second)
        .first(1)
        .fail(refusal(410, "The provided continue parameter is too old"));
    let server = with_lists(
        server,
        [
            (r"^/apis/batch/v1/jobs\?limit=500$", jobs(&["a", "b"], "x")),
            (second, jobs(&["c"], "")),
            // For CronJobs, the API server rejects every request, so restarting the list does not help.
            (r"/cronjobs\?", refusal(410, "too old")),
        ],
    );
    let ran = list(&server.url(), &["-A"]);
    ran.exits(69)
        .says("error: the list does not include cronjobs.batch: the API server rejected GET /apis/batch/v1/cronjobs: 410 Gone too old\n");
    assert_eq!(ran.stdout, LINES);
    assert_eq!(server.count(&Method::GET, r"/cronjobs\?"), 4);
}

#[test]
fn a_forbidden_kind_is_reported_and_all_other_kinds_are_listed() {
    let forbidden = "it is forbidden: User \"u\" cannot list it";
    let server = api_server([
        (
            "/namespaces/builds$",
            refusal(403, "namespaces is forbidden"),
        ),
        (r"/jobs\?", jobs(&["a", "b", "c"], "")),
        (r"/pods\?|/tekton\.dev/v1/tasks\?", refusal(403, forbidden)),
    ]);
    let ran = list(&server.url(), &["-A"]);
    ran.exits(69).says(
        "error: the list does not include pods: the API server rejected GET /api/v1/pods: 403 Forbidden it is forbidden: User \"u\" cannot \
         list it; ask for permission to list them in all namespaces, or list one namespace with -n\n",
    );
    ran.says("error: the list does not include tasks.tekton.dev: ");
    assert_eq!(ran.stdout, LINES);
    list(&server.url(), &[]).exits(69).says(
        "403 Forbidden it is forbidden: User \"u\" cannot list it; ask for permission to list them in this namespace\n",
    );
    // If the user is not authenticated, all requests fail, so the command stops after the first request.
    let server = api_server([("", refusal(401, "Unauthorized"))]);
    list(&server.url(), &["-A"])
        .exits(69)
        .says("error: cannot list tasks.tekton.dev: ")
        .says("401 Unauthorized");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn old_versions_of_tekton_are_listed() {
    let done = named(injected(SPEC), "Task", "old", "n");
    let server = api_server([
        (
            r"^/apis/tekton\.dev/v1beta1/tasks\?limit=500$",
            Fault::answer(200, &[], json!({"items": [done]})),
        ),
        (r"/tekton\.dev/v1/|/pipelines\?", refusal(404, "not found")),
    ]);
    let ran = list(&server.url(), &["-A"]);
    ran.exits(0);
    assert_eq!(ran.stdout, "n\tTask\told\tinjected, declares outputs\n");
    assert_eq!(
        ran.stderr,
        "warning: the cluster does not serve pipelines.tekton.dev, so the list does not include them\n"
    );
}

#[test]
fn cluster_flags_require_list_without_files() {
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

//! Tests `gleaner check -f`: the kinds and permissions that declarations require.

use crate::support::cluster::Cluster;
use crate::support::installation::{DEPLOYMENT, Installation};
use crate::support::report::{check, checks, statuses};
use crate::support::{self, Ran, file, gleaner};
use gleaner_local_apiserver::LocalApiServer;
use gleaner_testkit::api_server::ApiServer;
use http::Method;
use serde_json::{Value, json};

fn task(declaration: &str) -> String {
    support::task(declaration, "steps: [{name: one, image: i, command: [a]}]")
}

/// A declaration with a PipelineResource, a ConfigMap, and, in a different namespace, a ConfigMap with the policy `Apply`.
const SEVERAL: &str = "
steps: {one: [{name: a}]}
resources: [{name: img, spec: {type: image, params: [{name: digest, value: $(steps.one.a)}]}}]
objects:
  - name: cm
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}
  - name: other
    policy: Apply
    owned: false
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: prod}, data: {a: $(steps.one.a)}}
";

/// Runs `gleaner check -f` on a file that contains `text`. Returns the exit code and a report with only the group `declarations`.
fn declarations(cluster: &Installation, text: &str, arguments: &[&str]) -> (i32, Value) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", text);
    let (code, report) = cluster.report(&[&["-f", &path], arguments].concat());
    let group = report["groups"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(group["group"], "declarations", "{report:#}");
    (code, json!({"groups": [group]}))
}

/// Returns the subjects of the checks with this name and status.
fn subjects<'a>(report: &'a Value, name: &str, status: &str) -> Vec<&'a str> {
    let checks = checks(report, name).into_iter();
    let checks = checks.filter(|check| check["status"] == status);
    checks
        .map(|check| check["subject"].as_str().unwrap())
        .collect()
}

#[test]
fn every_kind_and_permission_is_checked_once() {
    let cluster = Installation::sound();
    let (code, report) = declarations(&cluster, &task(SEVERAL), &[]);
    assert_eq!(code, 0);
    assert!(
        statuses(&report).iter().all(|(_, status)| *status == "ok"),
        "{report:#}"
    );
    assert_eq!(subjects(&report, "declaration", "ok"), ["Task try"]);
    assert_eq!(subjects(&report, "kind-allowed", "ok"), ["Task try"]);
    let kinds = ["PipelineResource of tekton.dev/v1alpha1", "ConfigMap of v1"];
    assert_eq!(subjects(&report, "kind-served", "ok"), kinds);
    assert_eq!(
        subjects(&report, "permission", "ok"),
        [
            "create pipelineresources.tekton.dev in builds",
            "get pipelineresources.tekton.dev in builds",
            "delete pipelineresources.tekton.dev in builds",
            "create configmaps in builds",
            "get configmaps in builds",
            "delete configmaps in builds",
            "patch configmaps in prod",
            "get configmaps in prod",
            "delete configmaps in prod",
            "create configmaps in prod",
            "create events.events.k8s.io in builds",
        ]
    );
}

/// Returns the `spec` of each SubjectAccessReview that the server received.
fn reviews(server: &ApiServer) -> Vec<Value> {
    let requests = server.requests_to(&Method::POST, "/subjectaccessreviews$");
    let spec = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["spec"].take();
    requests.iter().map(|request| spec(&request.body)).collect()
}

#[test]
fn the_permissions_are_those_of_the_service_account() {
    let directory = tempfile::tempdir().unwrap();
    let text = task(support::ONE).replace("name: try\n", "name: try\n  namespace: team\n");
    let path = file(directory.path(), "task.yaml", &text);
    let server = Installation::sound().start();
    let arguments = ["--service-account", "release", "-f", &path, "-n", "builds"];
    check(&server.url(), &arguments);
    let expected = json!({
        "user": "system:serviceaccount:team:release",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:team", "system:authenticated"],
        "resourceAttributes": {"namespace": "team", "verb": "create", "group": "", "resource": "configmaps"},
    });
    let reviews = reviews(&server);
    assert_eq!((reviews.len(), &reviews[0]), (4, &expected));
}

#[test]
fn a_missing_permission_fails_the_check_only_if_the_run_would_fail() {
    let mut cluster = Installation::sound();
    cluster.denied = vec![
        "\"verb\":\"create\",\"group\":\"tekton.dev\",\"resource\":\"pipelineresources\"",
        "\"verb\":\"delete\"",
        "\"group\":\"events.k8s.io\"",
    ];
    let (code, report) = declarations(&cluster, &task(SEVERAL), &[]);
    assert_eq!(code, 1);
    let failed = ["create pipelineresources.tekton.dev in builds"];
    assert_eq!(subjects(&report, "permission", "failed"), failed);
    let warnings = [
        "delete pipelineresources.tekton.dev in builds",
        "delete configmaps in builds",
        "delete configmaps in prod",
        "create events.events.k8s.io in builds",
    ];
    assert_eq!(subjects(&report, "permission", "warning"), warnings);
    let first = checks(&report, "permission")[0];
    let message = "the ServiceAccount default in builds is not allowed to create pipelineresources.tekton.dev in builds, so the object cannot be created";
    assert_eq!(first["message"], message);
    let remedy = "`kubectl -n builds create rolebinding gleaner-outputs --clusterrole=gleaner-outputs --serviceaccount=builds:default`";
    assert_eq!(first["remedy"], remedy);
    // If a run lacks permission to read its object, the run fails only if it waits for the object.
    let waiting = support::ONE.replace(
        "    resource",
        "    waitFor: {jsonPath: .data.a, timeout: 1m}\n    resource",
    );
    cluster.denied = vec!["\"verb\":\"get\""];
    assert_eq!(declarations(&cluster, &task(support::ONE), &[]).0, 0);
    let (code, report) = declarations(&cluster, &task(&waiting), &[]);
    assert_eq!(
        (code, subjects(&report, "permission", "failed")),
        (1, vec!["get configmaps in builds"])
    );
}

#[test]
fn an_administrator_of_a_namespace_can_check_its_permissions() {
    let mut cluster = Installation::sound();
    cluster.forbidden = vec![(Method::POST, "/v1/subjectaccessreviews$")];
    cluster.denied = vec![r#""verb":"get""#];
    let (code, report) = declarations(&cluster, &task(support::ONE), &[]);
    assert_eq!(code, 0);
    assert_eq!(
        subjects(&report, "permission", "warning"),
        ["get configmaps in builds"]
    );
    assert_eq!(
        subjects(&report, "permission", "ok"),
        [
            "create configmaps in builds",
            "delete configmaps in builds",
            "create events.events.k8s.io in builds"
        ]
    );
    let server = cluster.start();
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", &task(support::ONE));
    check(&server.url(), &["-f", &path, "-n", "builds"]);
    let local = "/namespaces/builds/localsubjectaccessreviews$";
    let reviews = server.requests_to(&Method::POST, local);
    assert_eq!(reviews.len(), 4);
    assert_eq!(reviews[0].json()["kind"], "LocalSubjectAccessReview");
    assert_eq!(reviews[0].json()["metadata"]["namespace"], "builds");
    // The command does not repeat the request that the API server rejected.
    assert_eq!(server.count(&Method::POST, "/v1/subjectaccessreviews$"), 1);
}

#[test]
fn the_permission_check_is_skipped_once_in_each_namespace_without_access_reviews() {
    let mut cluster = Installation::sound();
    cluster.forbidden = vec![(Method::POST, "/(local)?subjectaccessreviews$")];
    let (code, report) = declarations(&cluster, &task(SEVERAL), &[]);
    assert_eq!(code, 0);
    let permissions = checks(&report, "permission");
    let places = permissions
        .iter()
        .map(|check| check["message"].as_str().unwrap().contains("/builds/"));
    assert_eq!(places.collect::<Vec<_>>(), [true, false], "{report:#}");
    assert!(permissions.iter().all(|check| check["status"] == "skipped"));
    let message = permissions[0]["message"].as_str().unwrap();
    assert!(
        message
            .starts_with("you are not allowed to read permissions: the API server rejected POST "),
        "{message}"
    );
}

/// Returns a Task that declares an object of this kind. The lines in `before` precede the object in the list.
fn object(before: &str, version: &str, kind: &str) -> String {
    task(&format!(
        "steps: {{one: [{{name: a}}]}}\nobjects:\n{before}  - name: it\n    resourceTemplate: {{apiVersion: {version}, kind: {kind}, \
         metadata: {{name: it}}, spec: {{a: $(steps.one.a)}}}}"
    ))
}

#[test]
fn kinds_must_be_served_and_allowed() {
    let mut cluster = Installation::sound();
    let (code, report) = declarations(&cluster, &object("", "example.com/v1", "Widget"), &[]);
    let name = "Widget of example.com/v1";
    assert_eq!(
        (code, subjects(&report, "kind-served", "failed")),
        (1, vec![name])
    );
    assert_eq!(
        subjects(&report, "permission", "ok"),
        ["create events.events.k8s.io in builds"]
    );
    let crd = "  - name: crd\n    resourceTemplate: {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, \
               metadata: {name: widgets.example.com}, spec: {group: example.com, names: {kind: Widget, plural: widgets}, \
               scope: Namespaced, versions: []}}\n";
    let (_, report) = declarations(&cluster, &object(crd, "example.com/v1", "Widget"), &[]);
    assert_eq!(subjects(&report, "kind-served", "skipped"), [name]);
    // The default list of allowed kinds, `*`, does not include CRDs.
    assert_eq!(subjects(&report, "kind-allowed", "failed"), ["Task try"]);
    let arguments =
        &mut cluster.at(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["args"];
    arguments[1] = "--allow-kind=apps/Deployment".into();
    let (code, report) = declarations(&cluster, &task(support::ONE), &[]);
    assert_eq!(
        (code, subjects(&report, "kind-allowed", "failed")),
        (1, vec!["Task try"])
    );
    let remedy = checks(&report, "kind-allowed")[0]["remedy"]
        .as_str()
        .unwrap();
    assert!(remedy.contains("outputs.allowedKinds"), "{remedy}");

    cluster.forbidden = vec![(Method::GET, "/deployments/")];
    let (_, report) = declarations(&cluster, &task(support::ONE), &[]);
    assert_eq!(checks(&report, "kind-allowed")[0]["status"], "skipped");
    let (_, report) = declarations(&cluster, &task(support::ONE), &["--without-webhook"]);
    assert!(checks(&report, "kind-allowed").is_empty());
}

#[test]
fn permissions_are_not_checked_in_a_namespace_that_an_output_determines() {
    let text = support::ONE.replace(
        "name: cm}, data",
        "name: cm, namespace: $(steps.one.a)}, data",
    );
    let text = text.replace("  - name: cm\n", "  - name: cm\n    owned: false\n");
    let (code, report) = declarations(&Installation::sound(), &task(&text), &[]);
    assert_eq!(
        (code, subjects(&report, "permission", "skipped")),
        (0, vec!["cm"])
    );
}

#[test]
fn declarations_are_found_in_runs_and_trigger_templates_and_errors_are_reported() {
    let cluster = Installation::sound();
    let run = task(support::ONE)
        .replace("kind: Task", "kind: TaskRun")
        .replace("spec:\n", "spec:\n  taskSpec:\n");
    let run = run.replace("  steps: [{name: one", "    steps: [{name: one");
    let (_, report) = declarations(&cluster, &run, &[]);
    assert_eq!(subjects(&report, "declaration", "ok"), ["TaskRun try"]);
    let indented = task(support::ONE).trim_end().replace('\n', "\n      ");
    let template = format!(
        "apiVersion: triggers.tekton.dev/v1beta1\nkind: TriggerTemplate\nmetadata: {{name: t}}\nspec:\n  resourcetemplates:\n    - {indented}\n"
    );
    let (_, report) = declarations(&cluster, &template, &[]);
    assert_eq!(subjects(&report, "declaration", "ok"), ["Task try"]);
    let wrong = task(&support::ONE.replace("steps.one.a", "steps.one.b"));
    let (code, report) = declarations(&cluster, &wrong, &[]);
    assert_eq!(
        (code, subjects(&report, "declaration", "failed")),
        (1, vec!["Task try"])
    );
    let found = checks(&report, "declaration")[0];
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("declares no output 'b'"), "{message}");
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("`gleaner lint -f "), "{remedy}");
}

#[test]
fn files_without_documents_cause_the_same_exit_code_as_in_lint() {
    let directory = tempfile::tempdir().unwrap();
    let empty = file(directory.path(), "empty.yaml", "# nothing\n");
    let missing = directory.path().join("missing.yaml");
    gleaner(&["check", "-f", &empty])
        .exits(66)
        .says("no document");
    gleaner(&["check", "-f", missing.to_str().unwrap()])
        .exits(66)
        .says("cannot be read");
    // A file without a declaration is valid, because it may contain a run of a Task that is not in the file.
    let (code, report) = declarations(
        &Installation::sound(),
        "apiVersion: v1\nkind: ConfigMap\n",
        &[],
    );
    assert_eq!(
        (code, statuses(&report)),
        (0, vec![("declaration", "skipped")])
    );
}

/// The local API server serves the built-in kinds and the kinds of Tekton's runs, but Gleaner is not installed.
#[test]
fn a_cluster_without_gleaner_fails_with_the_remedy() {
    let cluster = Cluster::start(LocalApiServer::builder().namespace("builds"));
    let kubeconfig = cluster.kubeconfig("own");
    let path = file(cluster.directory.path(), "task.yaml", &task(SEVERAL));
    let ran: Ran = gleaner(&["check", "--kubeconfig", &kubeconfig, "-f", &path]);
    ran.exits(1);
    for line in [
        "  ok      the cluster runs Kubernetes v1.36.0+local.",
        "  failed  the cluster does not serve tasks, pipelines of tekton.dev/v1",
        "  failed  Gleaner's webhook is not installed\n          remedy: install the chart",
        "  skipped the Service is unknown",
        "  ok      the cluster serves the kind PipelineResource",
        "  failed  the ServiceAccount default in builds does not exist",
        "  ok      Task try: the declaration is valid",
        "  ok      ConfigMap of v1 is served",
        "  skipped permissions cannot be read",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    cluster.end();
}

//! A namespace of a case's own, and what a user does in it.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::ended::Ended;
use super::kubectl::Output;
use super::report;
use super::start::Cluster;
use crate::wait;

/// How long a case waits for anything: far longer than it takes, also where twenty pods start at once.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often something is looked at that cannot be waited for: each look is a program of its own.
const LOOK: Duration = Duration::from_millis(300);

/// A namespace in which the ServiceAccount `default` may do with PipelineResources what the chart's role allows.
pub struct Namespace {
    cluster: Arc<Cluster>,
    name: String,
}

impl Namespace {
    /// The one for a case, which is not there yet.
    pub(super) fn new(cluster: Arc<Cluster>, case: &str) -> Self {
        // A name that no earlier run has left, which may be on its way out still.
        let head: String = case.replace('_', "-").chars().take(50).collect();
        let name = format!("{}-{}", head.trim_end_matches('-'), std::process::id());
        Self { cluster, name }
    }

    /// Makes it.
    ///
    /// # Panics
    ///
    /// When it is not ready for pods within two minutes.
    pub(super) fn create(&self) {
        let text = format!(
            r"
apiVersion: v1
kind: Namespace
metadata: {{name: {name}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: gleaner-outputs, namespace: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: gleaner-outputs}}
subjects: [{{kind: ServiceAccount, name: default, namespace: {name}}}]
",
            name = self.name
        );
        self.create_all(&text);
        // Without them no pod starts. One by one: kubectl gives up when two are missing.
        for wanted in ["serviceaccount/default", "configmap/kube-root-ca.crt"] {
            self.wait(wanted, "create");
        }
    }

    /// Starts its deletion.
    pub(super) fn delete(&self) {
        let arguments = ["delete", "namespace", &self.name, "--wait=false"];
        let deleted = self.kubectl(&arguments);
        if !deleted.status.success() {
            eprintln!("{}: {}", deleted.command, deleted.stderr);
        }
    }

    /// What a person would look at when a case has failed.
    pub(super) fn report(&self) -> String {
        report::of(self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs kubectl in it.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl in it, with YAML on its standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Output {
        Output::of(self.cluster.kubectl(&self.name).args(arguments), input)
    }

    /// `kubectl apply`.
    ///
    /// # Panics
    ///
    /// When something in it is refused.
    #[track_caller]
    pub fn apply(&self, yaml: &str) -> String {
        self.kubectl_with(&["apply", "--filename=-"], yaml)
            .succeed()
    }

    /// `kubectl apply` of something that must be refused: what kubectl says.
    ///
    /// # Panics
    ///
    /// When all of it is taken.
    #[track_caller]
    pub fn refuse(&self, yaml: &str) -> String {
        self.kubectl_with(&["apply", "--filename=-"], yaml).fail()
    }

    /// `kubectl create`.
    ///
    /// # Panics
    ///
    /// When something in it is refused.
    #[track_caller]
    pub fn create_all(&self, yaml: &str) -> String {
        self.kubectl_with(&["create", "--filename=-"], yaml)
            .succeed()
    }

    /// Starts a TaskRun of a Task under the Task's name with `-run` behind it, and waits until it has ended.
    #[must_use = "call `succeeded` or `failed`"]
    #[track_caller]
    pub fn run(&self, task: &str) -> Ended {
        let name = format!("{task}-run");
        self.start(task, &name);
        self.ended(&format!("taskrun/{name}"))
    }

    /// Starts a TaskRun of a Task.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[track_caller]
    pub fn start(&self, task: &str, name: &str) {
        self.create_all(&format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: {name}}}\nspec: {{taskRef: {{name: {task}}}}}\n"
        ));
    }

    /// Waits until a run (`taskrun/NAME`, `pipelinerun/NAME`) has ended.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[must_use = "call `succeeded` or `failed`"]
    #[track_caller]
    pub fn ended(&self, run: &str) -> Ended {
        let ended = self.waited(run, "jsonpath={.status.completionTime}");
        Ended {
            object: ended.json(),
        }
    }

    /// `kubectl wait`: for `condition=NAME`, `jsonpath={.PATH}=VALUE`, `create` or `delete`.
    ///
    /// # Panics
    ///
    /// When it is not so within two minutes.
    #[track_caller]
    pub fn wait(&self, what: &str, until: &str) {
        self.waited(what, until).succeed();
    }

    /// `kubectl wait`, and what it has waited for as JSON.
    fn waited(&self, what: &str, until: &str) -> Output {
        let timeout = format!("--timeout={}s", DEADLINE.as_secs());
        let until = format!("--for={until}");
        self.kubectl(&["wait", what, &until, &timeout, "--output=json"])
    }

    /// Looks until there is what a case looks for; `what` says it.
    ///
    /// # Panics
    ///
    /// When there is none within two minutes.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let found = wait::every(LOOK, DEADLINE, &mut look);
        found.unwrap_or_else(|| panic!("not within {DEADLINE:?}: {what}"))
    }

    /// Follows the log of a container (of a pod that exists) until it says these words.
    ///
    /// # Panics
    ///
    /// When it ends without, or does not say them within two minutes.
    #[track_caller]
    pub fn says(&self, pod: &str, container: &str, words: &str) {
        let started = format!(
            "jsonpath={{.status.containerStatuses[?(@.name=='{container}')].started}}=true"
        );
        self.wait(&format!("pod/{pod}"), &started);
        let container_flag = format!("--container={container}");
        let timeout = format!("--request-timeout={}s", DEADLINE.as_secs());
        let mut follow = self.cluster.kubectl(&self.name);
        follow.args(["logs", "--follow", pod, &container_flag, &timeout]);
        let mut follow = follow.stdout(Stdio::piped()).spawn().expect("kubectl runs");
        let output = BufReader::new(follow.stdout.take().expect("a pipe"));
        let mut before = Vec::new();
        for line in output.lines().map_while(Result::ok) {
            if line.contains(words) {
                drop(follow.kill());
                drop(follow.wait());
                return;
            }
            before.push(line);
        }
        drop(follow.wait());
        panic!("{container} of {pod} should say {words:?}: {before:#?}");
    }

    /// An object (`KIND/NAME`).
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn get(&self, what: &str) -> Value {
        self.kubectl(&["get", what, "--output=json"]).json()
    }

    /// The objects of a kind.
    ///
    /// # Panics
    ///
    /// When the cluster does not know the kind.
    #[track_caller]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let list = self.get(kind);
        list["items"].as_array().expect("a list").clone()
    }

    /// The PipelineResources that runs have generated.
    ///
    /// # Panics
    ///
    /// When the cluster does not know the kind.
    #[track_caller]
    pub fn generated(&self) -> Vec<Value> {
        let marked = "--selector=app.kubernetes.io/managed-by=gleaner";
        let get = ["get", "pipelineresources", marked, "--output=json"];
        let list = self.kubectl(&get).json();
        list["items"].as_array().expect("a list").clone()
    }

    /// The PipelineResource that runs have generated, of which there must be exactly one.
    ///
    /// # Panics
    ///
    /// When there is none, or more.
    #[track_caller]
    pub fn only_resource(&self) -> Value {
        let mut resources = self.generated();
        assert_eq!(
            resources.len(),
            1,
            "there should be one PipelineResource: {resources:#?}"
        );
        resources.remove(0)
    }

    /// No run must have generated a PipelineResource.
    ///
    /// # Panics
    ///
    /// When one has.
    #[track_caller]
    pub fn no_resource(&self) {
        let resources = self.generated();
        assert!(
            resources.is_empty(),
            "there should be no PipelineResource: {resources:#?}"
        );
    }

    /// `kubectl describe`.
    ///
    /// # Panics
    ///
    /// When there is nothing to describe.
    #[track_caller]
    pub fn describe(&self, what: &str) -> String {
        self.kubectl(&["describe", what]).succeed()
    }

    /// `kubectl logs` of a container.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn logs(&self, pod: &str, container: &str) -> String {
        self.kubectl(&["logs", pod, &format!("--container={container}")])
            .succeed()
    }
}

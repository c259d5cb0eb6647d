//! The namespace for a test case, and the actions that a user performs in this namespace.

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

/// The maximum time to wait for a condition. This is much longer than needed, even if twenty pods start at the same time.
const DEADLINE: Duration = Duration::from_secs(120);

/// The polling interval for conditions that `kubectl wait` cannot express. A shorter interval would start too many processes.
const LOOK: Duration = Duration::from_millis(300);

/// A namespace in which the ServiceAccount `default` has the permissions of the chart's ClusterRole `gleaner-outputs`.
pub struct Namespace {
    cluster: Arc<Cluster>,
    name: String,
}

impl Namespace {
    /// Chooses the namespace's name, but does not create the namespace in the cluster.
    pub(super) fn new(cluster: Arc<Cluster>, case: &str) -> Self {
        // Use a unique name, because the namespace of an earlier test run may still be terminating.
        let head: String = case.replace('_', "-").chars().take(50).collect();
        let name = format!("{}-{}", head.trim_end_matches('-'), std::process::id());
        Self { cluster, name }
    }

    /// Creates the namespace in the cluster.
    ///
    /// # Panics
    ///
    /// Panics if the namespace is not ready for pods within two minutes.
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
        // Pods need both objects to start. Wait for the two in turn, because a single `kubectl wait` for both fails if both
        // are missing.
        for wanted in ["serviceaccount/default", "configmap/kube-root-ca.crt"] {
            self.wait(wanted, "create");
        }
    }

    /// Deletes the namespace, without waiting for the deletion to complete.
    pub(super) fn delete(&self) {
        let arguments = ["delete", "namespace", &self.name, "--wait=false"];
        let deleted = self.kubectl(&arguments);
        if !deleted.status.success() {
            eprintln!("{}: {}", deleted.command, deleted.stderr);
        }
    }

    /// Returns the diagnostics of a failed case.
    pub(super) fn report(&self) -> String {
        report::of(self)
    }

    /// Returns the namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl in the namespace, and passes `input` to its standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Output {
        Output::of(self.cluster.kubectl(&self.name).args(arguments), input)
    }

    /// Runs `kubectl apply`.
    ///
    /// # Panics
    ///
    /// Panics if the API server refuses one of the objects.
    #[track_caller]
    pub fn apply(&self, yaml: &str) -> String {
        self.kubectl_with(&["apply", "--filename=-"], yaml)
            .succeed()
    }

    /// Runs `kubectl apply` with objects that must be refused, and returns kubectl's message.
    ///
    /// # Panics
    ///
    /// Panics if the API server accepts all objects.
    #[track_caller]
    pub fn refuse(&self, yaml: &str) -> String {
        self.kubectl_with(&["apply", "--filename=-"], yaml).fail()
    }

    /// Runs `kubectl create`.
    ///
    /// # Panics
    ///
    /// Panics if the API server refuses one of the objects.
    #[track_caller]
    pub fn create_all(&self, yaml: &str) -> String {
        self.kubectl_with(&["create", "--filename=-"], yaml)
            .succeed()
    }

    /// Starts a TaskRun of the Task `task`, with the name `TASK-run`, and waits until the TaskRun has finished.
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
    /// Panics if the API server refuses the TaskRun.
    #[track_caller]
    pub fn start(&self, task: &str, name: &str) {
        self.create_all(&format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: {name}}}\nspec: {{taskRef: {{name: {task}}}}}\n"
        ));
    }

    /// Waits until a run (`taskrun/NAME`, `pipelinerun/NAME`) has finished.
    ///
    /// # Panics
    ///
    /// Panics if the run does not finish in time.
    #[must_use = "call `succeeded` or `failed`"]
    #[track_caller]
    pub fn ended(&self, run: &str) -> Ended {
        let ended = self.waited(run, "jsonpath={.status.completionTime}");
        Ended {
            object: ended.json(),
        }
    }

    /// Runs `kubectl wait --for` with `condition=NAME`, `jsonpath={.PATH}=VALUE`, `create` or `delete`.
    ///
    /// # Panics
    ///
    /// Panics if the condition is not met within two minutes.
    #[track_caller]
    pub fn wait(&self, what: &str, until: &str) {
        self.waited(what, until).succeed();
    }

    /// Runs `kubectl wait`, and returns the object as JSON.
    fn waited(&self, what: &str, until: &str) -> Output {
        let timeout = format!("--timeout={}s", DEADLINE.as_secs());
        let until = format!("--for={until}");
        self.kubectl(&["wait", what, &until, &timeout, "--output=json"])
    }

    /// Polls `look` until it returns a value; `what` describes the expected state for the panic message.
    ///
    /// # Panics
    ///
    /// Panics if `look` returns no value within two minutes.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let found = wait::every(LOOK, DEADLINE, &mut look);
        found.unwrap_or_else(|| panic!("timed out after {DEADLINE:?}: {what}"))
    }

    /// Follows the log of a container in an existing pod until the log contains `words`.
    ///
    /// # Panics
    ///
    /// Panics if `words` do not appear within two minutes, or before the container exits.
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
        panic!("the log of {container} in {pod} should contain {words:?}: {before:#?}");
    }

    /// Returns an object (`KIND/NAME`).
    ///
    /// # Panics
    ///
    /// Panics if the object does not exist.
    #[track_caller]
    pub fn get(&self, what: &str) -> Value {
        self.kubectl(&["get", what, "--output=json"]).json()
    }

    /// Returns the objects of a kind.
    ///
    /// # Panics
    ///
    /// Panics if the cluster does not serve the kind.
    #[track_caller]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let list = self.get(kind);
        list["items"].as_array().expect("a list").clone()
    }

    /// Returns the PipelineResources that runs have created.
    ///
    /// # Panics
    ///
    /// Panics if the cluster does not serve the kind.
    #[track_caller]
    pub fn generated(&self) -> Vec<Value> {
        let marked = "--selector=app.kubernetes.io/managed-by=gleaner";
        let get = ["get", "pipelineresources", marked, "--output=json"];
        let list = self.kubectl(&get).json();
        list["items"].as_array().expect("a list").clone()
    }

    /// Returns the only PipelineResource that runs have created.
    ///
    /// # Panics
    ///
    /// Panics unless runs have created exactly one PipelineResource.
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

    /// Checks that no run has created a PipelineResource.
    ///
    /// # Panics
    ///
    /// Panics if a run has created a PipelineResource.
    #[track_caller]
    pub fn no_resource(&self) {
        let resources = self.generated();
        assert!(
            resources.is_empty(),
            "there should be no PipelineResource: {resources:#?}"
        );
    }

    /// Runs `kubectl describe`.
    ///
    /// # Panics
    ///
    /// Panics if the object does not exist.
    #[track_caller]
    pub fn describe(&self, what: &str) -> String {
        self.kubectl(&["describe", what]).succeed()
    }

    /// Runs `kubectl logs` for a container.
    ///
    /// # Panics
    ///
    /// Panics if the container does not exist.
    #[track_caller]
    pub fn logs(&self, pod: &str, container: &str) -> String {
        self.kubectl(&["logs", pod, &format!("--container={container}")])
            .succeed()
    }
}

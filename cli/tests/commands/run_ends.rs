//! Tests runs that a signal stops, and runs that create objects in a cluster instead of in the local API server.

use std::io::{BufReader, Read};
use std::process::{Child, ChildStderr, Command};
use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::{self, Ran, file};
use gleaner_local_apiserver::LocalApiServer;
use rustix::process::{Pid, Signal, kill_process};

const SLEEPS: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: sleeps
  annotations:
    gleaner.dev/outputs: 'steps: {one: [{name: a, default: x}]}'
spec:
  steps:
    - name: one
      script: |
        echo in $PWD
        sleep 300
";

#[test]
fn ctrl_c_stops_the_step_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "task.yaml", SLEEPS);
    let mut run = Sleeping::start(support::command(&["run", "-f", &path]), "one | in ");
    let began = Instant::now();
    run.signal(Signal::INT);
    let mut rest = String::new();
    run.stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(began.elapsed().as_secs() < 30, "{rest}");
    let workspace = run.workspace;
    assert!(!std::path::Path::new(&workspace).exists(), "{workspace}");
}

/// A run whose step is sleeping.
struct Sleeping {
    child: Child,
    stderr: BufReader<ChildStderr>,
    workspace: String,
}

impl Sleeping {
    /// Starts the run, and waits until its step prints a line that consists of `begins` and the path of the workspace.
    fn start(command: Command, begins: &str) -> Self {
        let (child, stderr, line) = support::started(command, begins);
        Self {
            child,
            stderr,
            workspace: line.trim_start_matches(begins).trim_end().to_owned(),
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

/// Waits until no process has `directory` in its command line.
fn expect_no_process(directory: &str) {
    // Processes that received a signal may take some time to exit.
    let ceiling = Instant::now() + Duration::from_secs(30);
    while !processes_of(directory).is_empty() {
        assert!(Instant::now() < ceiling, "{:?}", processes_of(directory));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the command lines of all processes whose command line contains `path`.
fn processes_of(path: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.contains(path)).collect()
}

#[test]
fn a_killed_run_leaves_no_process_and_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "task.yaml", SLEEPS);
    for keep in [false, true] {
        let mut command = support::command(&["run", "-f", &path]);
        command.args(keep.then_some("--keep"));
        let mut run = Sleeping::start(command, "one | in ");
        let directory = run.workspace.strip_suffix("/workspace").unwrap();
        assert!(
            processes_of(directory).len() > 1,
            "the sidecar or the step is not running"
        );
        run.child.kill().unwrap();
        run.child.wait().unwrap();
        expect_no_process(directory);
        assert_eq!(std::path::Path::new(directory).exists(), keep);
        if keep {
            std::fs::remove_dir_all(directory).unwrap();
        }
    }
}

/// A PipelineRun whose second task sleeps and declares its workspace as read-only.
const PIPELINE: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: sleeps}
spec:
  workspaces: [{name: w, emptyDir: {}}]
  pipelineSpec:
    workspaces: [{name: w}]
    tasks:
    - {name: first, taskSpec: {steps: [{name: one, script: 'true'}]}}
    - name: second
      runAfter: [first]
      workspaces: [{name: w}]
      taskSpec:
        workspaces: [{name: w, readOnly: true}]
        steps: [{name: one, script: 'echo in $PWD; sleep 300'}]
";

/// Returns the command with the default handling of SIGHUP, SIGQUIT and SIGTERM. Without this, the command would ignore a signal
/// that its parent process, such as `nohup`, ignores.
fn with_default_signals(command: &Command) -> Command {
    let mut env = Command::new("env");
    env.arg("--default-signal=HUP,QUIT,TERM");
    env.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => env.env(name, value),
            None => env.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        env.current_dir(directory);
    }
    env
}

#[test]
fn a_run_stopped_by_a_signal_leaves_no_process_and_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let task = file(folder.path(), "task.yaml", SLEEPS);
    let pipeline = file(folder.path(), "pipeline.yaml", PIPELINE);
    for (path, begins, below) in [
        (&task, "one | in ", "/workspace"),
        (&pipeline, "second/one | in ", "/1/workspace"),
    ] {
        for signal in [Signal::KILL, Signal::QUIT, Signal::TERM, Signal::HUP] {
            let command = with_default_signals(&support::command(&["run", "-f", path]));
            let mut run = Sleeping::start(command, begins);
            let directory = run.workspace.strip_suffix(below).unwrap();
            run.signal(signal);
            std::io::copy(&mut run.stderr, &mut std::io::sink()).unwrap();
            run.child.wait().unwrap();
            expect_no_process(directory);
            assert!(!std::path::Path::new(directory).exists(), "{signal:?}");
        }
    }
}

const CREATES: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: creates
  annotations:
    gleaner.dev/outputs: |
      steps: {one: [{name: a}]}
      objects:
        - name: cm
          owned: true
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}
spec:
  steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]
";

/// Executes `gleaner run` with `arguments` against an API server. Passes the kubeconfig in `KUBECONFIG` if `environment` is true,
/// otherwise with `--kubeconfig`. Also returns the objects that the run created.
fn against_a_cluster(arguments: &[&str], environment: bool) -> (Ran, Vec<serde_json::Value>) {
    let builder = LocalApiServer::builder().namespace("builds");
    let cluster = Cluster::start(builder.namespace("other"));
    let task = file(cluster.directory.path(), "task.yaml", CREATES);
    let config = cluster.kubeconfig("here");
    let mut command = support::command(&["run", "-f", &task]);
    command.args(arguments);
    if environment {
        command.env("KUBECONFIG", &config)
    } else {
        command.args(["--kubeconfig", &config])
    };
    let ran = support::ran(command.output().unwrap());
    let objects = cluster.server.objects();
    cluster.end();
    (ran, objects)
}

#[test]
fn a_kubeconfig_selects_a_real_cluster() {
    let (ran, objects) = against_a_cluster(&[], false);
    ran.exits(0)
        .says("namespace builds of the cluster here")
        .says("created objects have no owner");
    assert_eq!(objects.len(), 1, "{objects:#?}");
    assert_eq!(objects[0]["metadata"]["namespace"], "builds");
    assert_eq!(
        objects[0]["metadata"]["ownerReferences"],
        serde_json::Value::Null
    );
    assert_eq!(ran.object()["data"]["a"], "x");
}

#[test]
fn a_context_of_the_default_kubeconfig_selects_a_real_cluster() {
    let (ran, objects) = against_a_cluster(&["--context", "here", "-n", "other"], true);
    ran.exits(0);
    assert_eq!(objects[0]["metadata"]["namespace"], "other");
    let (ran, objects) = against_a_cluster(&["--context", "her"], true);
    ran.says("the kubeconfig has no context 'her'; did you mean 'here'?");
    assert!(ran.code != 0 && objects.is_empty());
}

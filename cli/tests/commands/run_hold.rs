//! Tests `gleaner run --hold`, and a run with `submit: Manual` to which no submit request is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cluster::Cluster;
use crate::support::{self, ONE, command, file, run, task};
use gleaner_local_apiserver::LocalApiServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const STEP: &str = "steps: [{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}]";

/// A `gleaner run --hold` process.
struct Held {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The lines that the process printed on standard error, up to the `kubectl` command.
    lines: Vec<String>,
}

impl Held {
    /// Starts the process and waits until it prints a `kubectl` command, which is the last line before it waits for a signal.
    fn start(mut command: Command) -> Self {
        let command = command.arg("--hold").stdin(Stdio::null());
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Vec::new();
        let mut held = Self {
            child,
            stderr,
            lines,
        };
        while !held.lines.iter().any(|line| line.starts_with("kubectl ")) {
            let mut line = String::new();
            let read = held.stderr.read_line(&mut line).unwrap();
            assert!(read > 0, "the run is not held: {:#?}", held.lines);
            held.lines.push(line.trim().to_owned());
        }
        held
    }

    /// Returns the lines that begin with the prefix `begin`. The prefix is removed.
    fn lines(&self, begin: &str) -> Vec<&str> {
        let lines = self.lines.iter();
        lines.filter_map(|line| line.strip_prefix(begin)).collect()
    }

    /// Sends the signal to the process, and returns the exit code.
    fn stop(&mut self, signal: Signal) -> i32 {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request. Returns the status and the body of the response.
fn request(method: &str, url: &str, header: &str) -> (u16, String) {
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {address}\r\n{header}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// Returns the URL of the API server in the kubeconfig at this path.
fn server(kubeconfig: &str) -> String {
    let config: Value = serde_json::from_slice(&std::fs::read(kubeconfig).unwrap()).unwrap();
    let server = &config["clusters"][0]["cluster"]["server"];
    server.as_str().unwrap().to_owned()
}

/// Runs a `kubectl` command in a shell, and returns its output. Returns `None` if `kubectl` is not installed.
fn kubectl(line: &str) -> Option<String> {
    let version = Command::new("kubectl")
        .args(["version", "--client"])
        .output();
    if !version.is_ok_and(|version| version.status.success()) {
        eprintln!("SKIPPED: the part of this test that requires kubectl, which is not installed");
        return None;
    }
    let ran = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(ran.status.success(), "{line}\n{ran:?}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn the_page_and_the_api_server_are_available_until_a_signal() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", &task(ONE, STEP));
    for signal in [Signal::INT, Signal::TERM] {
        let mut held = Held::start(command(&["run", "--keep", "-n", "ci", "-f", &path]));
        let pages = held.lines("page: ");
        assert_eq!(pages.len(), 2, "{:#?}", held.lines);
        assert_eq!(pages[0], pages[1]);
        let (status, page) = request("GET", pages[0], "");
        assert!(
            status == 200 && page.contains("<!doctype html>"),
            "{status} {page}"
        );
        let kubeconfig = held.lines("kubeconfig: ")[0].to_owned();
        let mode = std::fs::metadata(&kubeconfig).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let object = format!("{}/api/v1/namespaces/ci/configmaps/cm", server(&kubeconfig));
        let (status, object) = request("GET", &object, "");
        assert_eq!(status, 200, "{object}");
        let commands = held.lines("kubectl ");
        assert_eq!(
            commands,
            [format!("--kubeconfig {kubeconfig} get ConfigMap/cm")]
        );
        if let Some(shown) = kubectl(&format!("kubectl {} -o json", commands[0])) {
            let shown: Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(shown["metadata"]["namespace"], "ci");
            assert_eq!(shown["data"]["a"], "x");
        }
        // An open page must not delay the exit, although the sidecar otherwise waits up to 20 s for requests in progress.
        let address = pages[0].trim_start_matches("http://").trim_end_matches('/');
        let mut events = TcpStream::connect(address).unwrap();
        let stream = format!("GET /v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
        events.write_all(stream.as_bytes()).unwrap();
        events.read_exact(&mut [0]).unwrap();
        let began = Instant::now();
        assert_eq!(held.stop(signal), 0);
        assert!(began.elapsed() < Duration::from_secs(15));
        // The kubeconfig is removed even with --keep, because its API server is no longer running.
        assert!(!Path::new(&kubeconfig).exists());
        std::fs::remove_dir_all(Path::new(&kubeconfig).parent().unwrap()).unwrap();
    }
}

#[test]
fn a_failed_pipeline_is_held_with_the_pages_of_its_tasks_and_keeps_its_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let outputs = "steps: {one: [{name: a}]}\n            objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm, namespace: other}, data: {a: $(steps.one.a)}}}]";
    let text = format!(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: r}}
spec:
  pipelineSpec:
    tasks:
    - name: first
      taskSpec:
        metadata:
          annotations:
            gleaner.dev/outputs: |
              {}
        steps: [{{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}}]
    - {{name: second, runAfter: [first], taskSpec: {{steps: [{{name: s, image: i, script: exit 3}}]}}}}
",
        outputs.replace("\n            ", "\n              ")
    );
    let path = file(directory.path(), "run.yaml", &text);
    let mut held = Held::start(command(&["run", "-q", "-f", &path]));
    let pages = [
        held.lines("page of task first: "),
        held.lines("page of task second: "),
    ]
    .concat();
    assert_eq!(pages.len(), 2, "{:#?}", held.lines);
    for page in pages {
        assert_eq!(request("GET", page, "").0, 200);
    }
    let kubeconfig = held.lines("kubeconfig: ")[0].to_owned();
    let get = format!("--kubeconfig {kubeconfig} get -n other ConfigMap/cm");
    assert_eq!(held.lines("kubectl "), [&get]);
    kubectl(&format!("kubectl {get}"));
    assert_eq!(held.stop(Signal::INT), 3);
    assert!(!Path::new(&kubeconfig).parent().unwrap().exists());
}

#[test]
fn the_kubectl_command_selects_the_context_of_a_real_cluster() {
    let cluster = Cluster::start(LocalApiServer::builder().namespace("builds"));
    let path = file(cluster.directory.path(), "task.yaml", &task(ONE, STEP));
    let config = cluster.kubeconfig("here");
    let run = command(&["run", "-f", &path, "--kubeconfig", &config]);
    let mut held = Held::start(run);
    assert!(held.lines("kubeconfig: ").is_empty(), "{:#?}", held.lines);
    let expected =
        format!("--kubeconfig {config} --context here --namespace builds get ConfigMap/cm");
    assert_eq!(held.lines("kubectl "), [expected]);
    assert_eq!(request("GET", held.lines("page: ")[0], "").0, 200);
    assert_eq!(held.stop(Signal::INT), 0);
    // The context is in the kubeconfig that kubectl uses by default, so the printed command does not need --kubeconfig.
    let mut run = command(&["run", "-f", &path, "-n", "default", "--context", "here"]);
    run.env("KUBECONFIG", &config);
    let mut held = Held::start(run);
    let expected = "--context here --namespace default get ConfigMap/cm";
    assert_eq!(held.lines("kubectl "), [expected]);
    assert_eq!(held.stop(Signal::INT), 0);
    cluster.end();
}

#[test]
fn an_interrupted_run_is_not_held() {
    let directory = tempfile::tempdir().unwrap();
    let sleeps = "steps: [{name: one, image: i, script: 'echo begun; sleep 300'}]";
    let pipeline = format!(
        "{{apiVersion: tekton.dev/v1, kind: Pipeline, metadata: {{name: p}}, spec: {{tasks: [{{name: a, taskSpec: {{{sleeps}}}}}]}}}}\n"
    );
    for (text, begun) in [
        (task(ONE, sleeps), "one | begun\n"),
        (pipeline, "a/one | begun\n"),
    ] {
        let path = file(directory.path(), "run.yaml", &text);
        let run = command(&["run", "--hold", "-f", &path]);
        let (mut child, stderr, _) = support::started(run, begun);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        for line in stderr.lines().map(Result::unwrap) {
            if line.contains("the run finished") {
                child.kill().unwrap();
                panic!("{line}");
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

#[test]
fn a_missing_submit_request_causes_a_warning_and_can_be_sent_by_the_user() {
    let text = task(&format!("submit: Manual{ONE}"), STEP);
    let warning = "warning: the task succeeded but, as in a cluster, created no objects, because no step sent the request that \
                   'submit: Manual' requires (curl --unix-socket /gleaner/run/me/gleaner.sock -X POST http://localhost/v1/submit)";
    let by_hand = "; with --hold, you can send it yourself\n";
    let ran = run(&text, &["-q"]);
    assert_eq!(ran.exits(0).stderr, format!("{warning}{by_hand}"));
    assert_eq!(ran.stdout, "");
    // If the task fails, a different message reports that nothing was created.
    let fails = "steps: [{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}, {name: two, image: i, script: exit 4}]";
    let ran = run(&task(&format!("submit: Manual{ONE}"), fails), &[]);
    ran.exits(4).says("  nothing was created\n");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);

    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", &text);
    let mut held = Held::start(command(&["run", "-q", "-f", &path]));
    assert_eq!(held.lines[0], warning);
    let kubeconfig = held.lines("kubeconfig: ")[0];
    assert_eq!(
        held.lines("kubectl "),
        [format!("--kubeconfig {kubeconfig} api-resources")]
    );
    kubectl(&format!("kubectl --kubeconfig {kubeconfig} api-resources"));
    let object = format!(
        "{}/api/v1/namespaces/default/configmaps/cm",
        server(kubeconfig)
    );
    assert_eq!(request("GET", &object, "").0, 404);
    let line = held
        .lines("command to create the objects: curl -sS -X POST -H \"Authorization: Bearer $(cat ")
        [0];
    let (token, url) = line.split_once(")\" ").unwrap();
    let token = std::fs::read_to_string(token).unwrap();
    let (status, body) = request("POST", url, &format!("Authorization: Bearer {token}\r\n"));
    assert!(
        status == 200 && body.contains("Committed"),
        "{status} {body}"
    );
    assert_eq!(request("GET", &object, "").0, 200);
    assert_eq!(held.stop(Signal::INT), 0);
}

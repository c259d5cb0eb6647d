//! Tests the page that `gleaner run` serves for each task: its URL, and `--open`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{ONE, Ran, command, file, ran, run, task};

/// Returns the page URLs that a run printed.
fn pages(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("  page: "))
        .collect()
}

/// Runs a task with `--open`. `browser` is the value of `BROWSER`, and `script` is the beginning of the step's script.
fn with_browser(directory: &Path, browser: &str, script: &str) -> Ran {
    let text = task(
        ONE,
        &format!("steps: [{{name: one, script: '{script}; printf x > $GLEANER_OUTPUTS/a'}}]"),
    );
    let path = file(directory, "task.yaml", &text);
    let mut command = command(&["run", "--open", "-f", &path]);
    ran(command.env("BROWSER", browser).output().unwrap())
}

#[test]
fn the_page_is_opened_without_a_shell() {
    let directory = tempfile::tempdir().unwrap();
    let opened = directory.path().join("opened");
    let script = "#!/bin/sh\necho \"$#\" \"$@\" > \"$0.new\"\nmv \"$0.new\" \"${0%/*}/opened\"\n";
    let browser = file(directory.path(), "browser", script);
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).unwrap();
    let waits = format!("until [ -s {} ]; do sleep 0.02; done", opened.display());
    let ran = with_browser(
        directory.path(),
        &format!("/none:{browser} $(id) %s"),
        &waits,
    );
    let pages = pages(ran.exits(0));
    assert_eq!(pages.len(), 1, "{}", ran.stderr);
    let words = std::fs::read_to_string(opened).unwrap();
    assert_eq!(words, format!("2 $(id) {}\n", pages[0]));
}

#[test]
fn a_browser_failure_causes_only_a_note() {
    let directory = tempfile::tempdir().unwrap();
    with_browser(directory.path(), "/none", "true")
        .exits(0)
        .says("  cannot open the page in a browser: /none cannot be started: No such file or directory");
    with_browser(directory.path(), "false", "sleep 0.5")
        .exits(0)
        .says(
            "  cannot open the page in a browser: false failed (exit status: 1); open the URL yourself",
        );
}

#[test]
fn the_page_of_each_task_is_served_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (ready, go) = (directory.path().join("ready"), directory.path().join("go"));
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n  pipelineSpec:\n    tasks:\n    - {{name: a, taskSpec: {{steps: [{{name: s, script: 'true'}}]}}}}\n    \
         - {{name: b, runAfter: [a], taskSpec: {{steps: [{{name: s, script: 'touch {}; until [ -e {} ]; do sleep 0.02; done'}}]}}}}\n",
        ready.display(),
        go.display()
    );
    let path = file(directory.path(), "run.yaml", &text);
    let log = directory.path().join("log");
    let mut child = command(&["run", "-f", &path])
        .stdout(std::process::Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run exited before its second step was ready"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let stderr = std::fs::read_to_string(&log).unwrap();
    let urls: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  page: http://"))
        .collect();
    assert_eq!(urls.len(), 2, "{stderr}");
    let address = urls[1].strip_suffix('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("<!doctype html>"), "{response}");
    std::fs::write(go, "").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_quiet_run_does_not_print_the_url_of_its_page() {
    let text = task(
        ONE,
        "steps: [{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
    );
    assert_eq!(pages(run(&text, &[]).exits(0)).len(), 1);
    assert_eq!(run(&text, &["-q"]).exits(0).stderr, "");
}

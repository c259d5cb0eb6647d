//! Tests that secret values are sent only to the API server.

mod quoting;
mod withheld;

use std::process::Command;

use gleaner_proto::message::problem_type;
use http::Method;
use serde_json::Value;

use crate::support::{MANUAL, Setup, Sidecar, api_server, until};
use crate::waiting;
use gleaner_testkit::fault::Fault;
use gleaner_testkit::process;

const CANARY: &str = "c4n4ry-9b1f";

const SECRET: &str = "\
steps:
  login:
    - {name: token, secret: true}
    - {name: keys, type: object, secret: true, default: {}}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: credentials}
      stringData: {token: \"bearer $(steps.login.token)\", key: $(steps.login.keys.first)}
submit: Manual
";

#[test]
fn only_the_api_server_receives_a_secret() {
    let cluster = api_server();
    let sidecar = Setup::new(SECRET)
        .with(&cluster)
        .flag("--log-level=trace")
        .start();
    let place = sidecar.step("login");
    let wrong = format!(r#"{{"outputs": {{"token": ["{CANARY}"], "keys": "{CANARY}"}}}}"#);
    assert_hidden(&place.outputs("login", &wrong).body);
    let broken = format!(r#"{{"outputs": {{"token": "{CANARY}", }}}}"#);
    assert_hidden(&place.outputs("login", &broken).body);

    let body =
        format!(r#"{{"outputs": {{"token": "{CANARY}", "keys": {{"first": "{CANARY}"}}}}}}"#);
    let accepted = place.outputs("login", &body);
    assert_eq!(accepted.ok()["phase"], "Resolved");
    assert_hidden(&accepted.body);
    assert_hidden(&place.outputs("login", &body.replace("4n4", "4n4x")).body);
    place.outputs("login", &body).ok();
    assert_hidden_everywhere(&sidecar);
    let masked = place.get("/v1/resources");
    assert!(
        masked.text().contains("bearer (secret)"),
        "{}",
        masked.text()
    );

    let committed = place.post("/v1/submit", "");
    assert_eq!(committed.ok()["phase"], "Committed");
    assert_hidden(&committed.body);
    assert_hidden_everywhere(&sidecar);
    let created = cluster
        .get("/api/v1/namespaces/ci/secrets/credentials")
        .unwrap();
    assert_eq!(created["stringData"]["token"], format!("bearer {CANARY}"));
    assert_eq!(created["stringData"]["key"], CANARY);
}

#[test]
fn a_secret_is_hidden_when_the_commit_fails() {
    let cluster = api_server();
    // Admission webhooks and the API server quote the values that they refuse.
    let words = format!("stringData: too strange: got \"bearer {CANARY}\"");
    cluster
        .on(Method::POST, "secrets")
        .fail(Fault::refuse(422, "Invalid", &words));
    let sidecar = Setup::new(SECRET)
        .with(&cluster)
        .flag("--log-level=trace")
        .start();
    let place = sidecar.step("login");
    let body =
        format!(r#"{{"outputs": {{"token": "{CANARY}", "keys": {{"first": "{CANARY}"}}}}}}"#);
    place.outputs("login", &body).ok();
    let failed = place.post("/v1/submit", "");
    assert_eq!(failed.status, 424);
    assert!(failed.text().contains("422 Unprocessable Entity (Invalid)"));
    assert!(!failed.text().contains("too strange"));
    assert_hidden(&failed.body);
    assert_hidden_everywhere(&sidecar);
}

#[test]
fn a_secret_is_hidden_when_a_template_refers_to_a_missing_key_of_it() {
    let cluster = api_server();
    let sidecar = Setup::new(SECRET)
        .with(&cluster)
        .flag("--log-level=trace")
        .start();
    let place = sidecar.step("login");
    let body =
        format!(r#"{{"outputs": {{"token": "{CANARY}", "keys": {{"other": "{CANARY}"}}}}}}"#);
    place.outputs("login", &body).ok();
    let failed = place.post("/v1/submit", "");
    failed.problem(422, problem_type::OUTPUT);
    assert_hidden(&failed.body);
    assert_hidden_everywhere(&sidecar);
    assert!(cluster.paths().is_empty());
}

#[test]
fn other_processes_of_the_same_user_cannot_read_the_memory() {
    const NOBODY: u32 = 65_534;
    // If root runs the test, the kernel reports root as the owner of the memory in any case, so the sidecar runs as a different
    // user.
    let is_root = process::memory_owner(std::process::id()) == 0;
    let setup = Setup::new(SECRET);
    let (setup, mut other) = if is_root {
        (setup.owned_by(NOBODY), process::as_user("sleep", NOBODY))
    } else {
        (setup, Command::new("sleep"))
    };
    other.arg("60");
    let other = process::Process::spawn(other).unwrap();
    let sidecar = setup.start();
    let place = sidecar.step("login");
    let body = format!(r#"{{"outputs": {{"token": "{CANARY}"}}}}"#);
    place.outputs("login", &body).ok();
    assert_eq!(sidecar.memory_owner(), 0);
    // The owner of the memory changes from root to the program's user only after the process has executed `sleep`.
    until(
        "the memory of a different program belongs to the program's user",
        || process::memory_owner(other.id()) != 0,
    );
}

#[test]
fn the_status_truncates_long_values() {
    let long = "x".repeat(10_000);
    let declaration = MANUAL.replace("default: unknown", &format!("default: {long}"));
    let flags = [
        format!("--param=imageUrl={long}"),
        format!("--context=task.name={long}"),
    ];
    let flags = flags
        .into_iter()
        .fold(Setup::new(&declaration), Setup::flag);
    let sidecar = flags.start();
    let list: Vec<&str> = vec!["y"; 5_000];
    let report = serde_json::json!({"a": {"b": {"c": list, "text": long}}});
    let body = serde_json::json!({"outputs": {"digest": long, "report": report}});
    sidecar
        .step("build")
        .outputs("build", &body.to_string())
        .ok();
    sidecar
        .step("scan")
        .outputs("scan", r#"{"outputs": {}}"#)
        .ok();
    let status = sidecar.loopback().get("/v1/status");
    assert!(status.body.len() < 4096, "{}", status.text());
    let status = status.ok();
    let value = |name: &str| {
        let variables = status["variables"].as_array().unwrap();
        let found = variables.iter().find(|variable| variable["name"] == name);
        found.map(|variable| variable["value"].clone())
    };
    let cut = format!("{}… (10000 bytes)", "x".repeat(256));
    for name in ["steps.build.digest", "steps.scan.verdict"] {
        assert_eq!(value(name), Some(Value::from(cut.as_str())), "{name}");
    }
    assert_eq!(
        value("steps.build.report"),
        Some("(object with 1 keys)".into())
    );
    // Only the status truncates values; the rendered resources contain the complete values.
    assert!(
        sidecar
            .loopback()
            .get("/v1/resources/img")
            .text()
            .contains(&long)
    );
}

fn assert_hidden_everywhere(sidecar: &Sidecar) {
    for (_, text) in seen_everywhere(sidecar) {
        assert_hidden(&text);
    }
}

/// Returns every text that shows the state of the run: the responses, an event and the log. Each text is returned with the name
/// of its source.
fn seen_everywhere(sidecar: &Sidecar) -> Vec<(String, Vec<u8>)> {
    let place = sidecar.loopback();
    let mut seen = Vec::new();
    for path in [
        "/",
        "/metrics",
        "/v1/status",
        "/v1/preflight",
        "/v1/resources",
        "/v1/resources?partial=true",
        "/v1/resources/credentials",
    ] {
        let json = place.ask("GET", path, &[("Accept", "application/json")], b"");
        seen.push((path.to_owned(), place.get(path).body));
        seen.push((format!("{path} as JSON"), json.body));
    }
    let event = waiting::next(&mut waiting::follow(sidecar));
    seen.push(("an event".into(), serde_json::to_vec(&event).unwrap()));
    seen.push(("the log".into(), sidecar.log().into_bytes()));
    seen
}

fn assert_hidden(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    assert!(!text.contains(CANARY), "{text}");
}

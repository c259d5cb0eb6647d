//! Tests the traces that the sidecar exports to a collector.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    DIGEST, MANUAL, PATIENCE, Setup, Sidecar, VERDICT, api_server, resolved, until,
};
use gleaner_testkit::collector::{Collector, end, start};
use gleaner_testkit::fault::Fault;
use gleaner_testkit::process;

const TRACE: &str = "0f57e147e992b304d977436289d10628";
const PARENT: &str = "73d5909e31793992";
const CANARY: &str = "c4n4ry-71ce";

fn context(flags: &str) -> String {
    json!({"traceparent": format!("00-{TRACE}-{PARENT}-{flags}"), "tracestate": "vendor=1"})
        .to_string()
}

fn traced(setup: Setup, collector: &Collector, context: &str) -> Setup {
    setup
        .flag(format!("--traces-endpoint={}", collector.url()))
        .flag(format!("--span-context={context}"))
        .flag("--pod-name=run-1-pod")
}

/// Posts the outputs of both steps. Returns the body of the last response.
fn run(sidecar: &Sidecar) -> Value {
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let last = sidecar.step("build").outputs("build", DIGEST);
    serde_json::from_slice(&last.body).unwrap()
}

fn shut_down(sidecar: Sidecar) {
    sidecar.terminate();
    assert!(sidecar.ended_within(PATIENCE).success());
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let mut found = spans.iter().filter(|span| span["name"] == name);
    let first = found
        .next()
        .unwrap_or_else(|| panic!("no span {name}: {spans:#?}"));
    assert!(found.next().is_none(), "two spans {name}: {spans:#?}");
    first
}

fn attribute<'a>(attributes: &'a Value, key: &str) -> Option<&'a str> {
    let mut all = attributes.as_array().unwrap().iter();
    let found = all.find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str()
}

fn names(spans: &[Value]) -> Vec<&str> {
    spans
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect()
}

/// Returns the number of log lines with this message.
fn events(log: &str, message: &str) -> usize {
    log.lines()
        .filter(|line| process::message(line, message).is_some())
        .count()
}

#[test]
fn all_spans_of_a_run_are_in_the_trace_of_its_parent() {
    let cluster = api_server();
    let collector = Collector::start();
    let setup = Setup::new(&resolved()).with(&cluster);
    let sidecar = traced(setup, &collector, &context("01")).start();
    assert_eq!(run(&sidecar)["phase"], "Committed");
    until("the submission is exported", || {
        !collector.bodies().is_empty()
    });
    until("the export is counted", || {
        let metrics = sidecar.loopback().get("/metrics");
        metrics
            .text()
            .contains(r#"gleaner_trace_exports_total{result="sent"} 1"#)
    });
    shut_down(sidecar);
    assert_eq!(collector.bodies().len(), 2);

    let spans = collector.spans();
    assert_eq!(
        names(&spans),
        [
            "gleaner run",
            "collect",
            "collect",
            "submit",
            "render",
            "dry-run",
            "create PipelineResource",
            "create ConfigMap",
        ]
    );
    let (root, submit) = (&spans[0], &spans[3]);
    assert_eq!(root["parentSpanId"], PARENT);
    // Both spans are sampled. The flags also show that only the parent of `gleaner run` belongs to another process.
    assert_eq!(
        (&root["flags"], &submit["flags"]),
        (&json!(0x301), &json!(0x101))
    );
    let steps = [&spans[1], &spans[2]].map(|span| attribute(&span["attributes"], "gleaner.step"));
    assert_eq!(steps, [Some("scan"), Some("build")]);
    for (index, span) in spans.iter().enumerate() {
        assert_eq!(
            (&span["traceId"], &span["traceState"]),
            (&json!(TRACE), &json!("vendor=1"))
        );
        assert!(start(root) <= start(span) && start(span) <= end(span) && end(span) <= end(root));
        assert_eq!(span["status"], Value::Null, "{span}");
        let parent = match index {
            0 => continue,
            1..4 => root,
            _ => submit,
        };
        assert_eq!(span["parentSpanId"], parent["spanId"], "{span}");
    }
    // The parts of the submission do not overlap.
    for pair in spans[4..].windows(2) {
        assert!(
            end(&pair[0]) <= start(&pair[1]) && end(&pair[1]) <= end(submit),
            "{pair:?}"
        );
    }
    let mut ids: Vec<&str> = spans
        .iter()
        .map(|span| span["spanId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), spans.len());

    let object = &named(&spans, "create ConfigMap")["attributes"];
    let values = ["gleaner.resource", "gleaner.object.name", "gleaner.action"];
    let values = values.map(|key| attribute(object, key));
    assert_eq!(values, [Some("note"), Some("note"), Some("Created")]);
    assert_eq!(
        attribute(&root["attributes"], "gleaner.outcome"),
        Some("Committed")
    );
    assert_eq!(
        attribute(&root["attributes"], "cicd.pipeline.task.run.id"),
        Some("u-1")
    );
    let body: Value = serde_json::from_slice(&collector.bodies()[0]).unwrap();
    let resource = &body["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(attribute(resource, "service.name"), Some("gleaner-sidecar"));
    assert_eq!(attribute(resource, "k8s.namespace.name"), Some("ci"));
    assert_eq!(attribute(resource, "k8s.pod.name"), Some("run-1-pod"));
}

#[test]
fn nothing_is_exported_without_an_endpoint_or_with_an_unsampled_parent() {
    let cluster = api_server();
    let collector = Collector::start();
    let setup = Setup::new(&resolved()).with(&cluster);
    let unsampled = traced(setup.clone(), &collector, &context("00"));
    let off = traced(setup, &collector, &context("01")).flag("--traces-endpoint=");
    for setup in [unsampled, off] {
        let sidecar = setup.start();
        assert_eq!(run(&sidecar)["phase"], "Committed");
        let metrics = sidecar.loopback().get("/metrics");
        assert!(!metrics.text().contains("gleaner_trace_exports_total{"));
        shut_down(sidecar);
    }
    assert!(collector.bodies().is_empty());
}

#[test]
fn the_spans_of_a_failed_submission_contain_the_failure_code() {
    let cluster = api_server();
    let refusal = Fault::refuse(403, "Forbidden", "configmaps is forbidden: no, you don't");
    cluster
        .on(Method::POST, r"configmaps\?fieldManager")
        .fail(refusal);
    let collector = Collector::start();
    let setup = Setup::new(&resolved()).with(&cluster);
    let sidecar = traced(setup, &collector, &context("01")).start();
    let code = run(&sidecar)["failures"][0]["code"].clone();
    assert_eq!(code, "Denied");
    shut_down(sidecar);
    let spans = collector.spans();
    let failed = json!({"code": 2, "message": code});
    for name in ["gleaner run", "submit", "create ConfigMap"] {
        let span = named(&spans, name);
        assert_eq!(span["status"], failed, "{span}");
        assert_eq!(attribute(&span["attributes"], "error.type"), Some("Denied"));
    }
    for name in ["dry-run", "create PipelineResource", "rollback"] {
        assert_eq!(named(&spans, name)["status"], Value::Null, "{name}");
    }
    let outcome = attribute(
        &named(&spans, "gleaner run")["attributes"],
        "gleaner.outcome",
    );
    assert_eq!(outcome, Some("Failed"));
    for body in collector.bodies() {
        assert!(!String::from_utf8_lossy(&body).contains("you don't"));
    }
}

#[test]
fn the_span_of_a_refused_message_contains_the_problem_type() {
    let collector = Collector::start();
    let sidecar = traced(Setup::new(MANUAL), &collector, &context("01")).start();
    let wrong = format!(r#"{{"outputs": {{"{CANARY}": "x"}}}}"#);
    assert_eq!(sidecar.step("scan").outputs("scan", &wrong).status, 422);
    // A span would contain the name of the unknown step, which is text from the client.
    let unknown = sidecar.step("scan").outputs("unknown-step", VERDICT);
    assert_eq!(unknown.status, 404);
    shut_down(sidecar);
    let spans = collector.spans();
    let collect = named(&spans, "collect");
    assert_eq!(
        collect["status"],
        json!({"code": 2, "message": "invalid-output"})
    );
    // Nothing was submitted, so the run has no outcome.
    let root = &named(&spans, "gleaner run")["attributes"];
    assert_eq!(attribute(root, "gleaner.outcome"), None);
    assert_eq!(names(&spans), ["gleaner run", "collect"]);
}

#[test]
fn a_failing_collector_does_not_fail_or_delay_the_run() {
    let refusing = Collector::start().fail(Fault::status(500));
    let silent = Collector::start().fail(Fault::Hang);
    let unreachable = "http://127.0.0.1:1/v1/traces".to_owned();
    for endpoint in [refusing.url(), silent.url(), unreachable] {
        let cluster = api_server();
        let sidecar = Setup::new(&resolved())
            .with(&cluster)
            .flag(format!("--traces-endpoint={endpoint}"))
            .start();
        let begun = Instant::now();
        assert_eq!(run(&sidecar)["phase"], "Committed", "{endpoint}");
        // If the step waited for the export to the silent collector, it would wait for 10 s.
        assert!(begun.elapsed() < Duration::from_secs(8), "{endpoint}");
        if endpoint != silent.url() {
            until("the failed export is counted", || {
                let metrics = sidecar.loopback().get("/metrics");
                let failed = r#"gleaner_trace_exports_total{result="failed"} 1"#;
                metrics.text().contains(failed)
            });
            until("the failed export is logged", || {
                events(&sidecar.log(), "traces-not-exported") == 1
            });
        }
        let begun = Instant::now();
        sidecar.terminate();
        until("the sidecar logs its exit", || {
            events(&sidecar.log(), "ended") == 1
        });
        // The exports before the exit take at most 2 s.
        assert!(begun.elapsed() < Duration::from_secs(8), "{endpoint}");
        let log = sidecar.log();
        assert!(sidecar.ended_within(PATIENCE).success());
        assert_eq!(events(&log, "traces-not-exported"), 1, "{log}");
    }
    // The silent collector receives only the first request, because the second export waits for the first one.
    assert_eq!((refusing.bodies().len(), silent.bodies().len()), (2, 1));
}

#[test]
fn a_run_with_a_malformed_span_context_begins_a_new_trace() {
    let cluster = api_server();
    let collector = Collector::start();
    for (context, ignored) in [
        (format!(r#"{{"traceparent": "{CANARY}"}}"#), 1),
        (String::new(), 0),
    ] {
        let setup = Setup::new(&resolved()).with(&cluster);
        let sidecar = traced(setup, &collector, &context).start();
        assert_eq!(run(&sidecar)["phase"], "Committed");
        let log = sidecar.log();
        assert_eq!(events(&log, "span-context-ignored"), ignored, "{log}");
        assert!(!log.contains(CANARY));
        shut_down(sidecar);
    }
    let spans = collector.spans();
    let roots: Vec<&Value> = spans
        .iter()
        .filter(|span| span["name"] == "gleaner run")
        .collect();
    assert_eq!(roots.len(), 2);
    for root in &roots {
        assert_eq!(
            (&root["parentSpanId"], &root["traceState"]),
            (&Value::Null, &Value::Null)
        );
        let id = root["traceId"].as_str().unwrap();
        assert!(
            id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()),
            "{id}"
        );
    }
    assert_ne!(roots[0]["traceId"], roots[1]["traceId"]);
}

#[test]
fn an_invalid_endpoint_turns_traces_off() {
    let cluster = api_server();
    for endpoint in [
        "collector:4318",
        "http://collector:4318",
        "http://user:word@c/v1/traces",
    ] {
        let sidecar = Setup::new(&resolved())
            .with(&cluster)
            .flag(format!("--traces-endpoint={endpoint}"))
            .start();
        assert_eq!(run(&sidecar)["phase"], "Committed");
        let log = sidecar.log();
        assert_eq!(events(&log, "traces-off"), 1, "{log}");
        assert!(!log.contains("user:word"));
        shut_down(sidecar);
    }
}

#[test]
fn no_span_contains_an_output_or_the_text_of_an_error() {
    let secret = "\
steps:
  login:
    - {name: token, secret: true}
    - {name: plain}
objects:
  - name: credentials
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: credentials}
      stringData: {token: $(steps.login.token), plain: $(steps.login.plain)}
";
    let collector = Collector::start();
    for fails in [false, true] {
        let cluster = api_server();
        if fails {
            let words = format!("stringData: invalid value {CANARY}");
            cluster
                .on(Method::POST, r"secrets\?fieldManager")
                .fail(Fault::refuse(422, "Invalid", &words));
        }
        let setup = Setup::new(secret).with(&cluster);
        let sidecar = traced(setup, &collector, &context("01")).start();
        let place = sidecar.step("login");
        place.outputs(
            "login",
            &format!(r#"{{"outputs": {{"token": ["{CANARY}"]}}}}"#),
        );
        place.outputs("login", &format!(r#"{{"outputs": {{"{CANARY}": 1}}}}"#));
        let body = format!(r#"{{"outputs": {{"token": "{CANARY}", "plain": "{CANARY}"}}}}"#);
        let phase = place.outputs("login", &body).status;
        assert_eq!(phase, if fails { 424 } else { 200 });
        place.outputs("login", &body.replace("71ce", "71cf"));
        shut_down(sidecar);
    }
    assert_eq!(collector.bodies().len(), 4);
    for body in collector.bodies() {
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.contains("gleaner.step") || text.contains("gleaner run"),
            "{text}"
        );
        assert!(!text.contains("c4n4ry"), "{text}");
    }
}

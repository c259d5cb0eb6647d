use gleaner_core::inject::pod;
use gleaner_core::inject::settings::{PullPolicy, Resources, Sidecars};
use gleaner_core::inject::task::{self, Operation};
use gleaner_core::inject::{Outcome, Settings};
use http::Method;
use serde_json::{Value, json};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Authority, JOB_POD, Setup, UNINJECTED_POD, creation, get, review, task};

/// Returns the settings that correspond to the flags of [`Setup`].
fn settings() -> Settings {
    let text = str::to_owned;
    Settings {
        image: text("registry.example/gleaner:1"),
        image_pull_policy: None,
        resources: Resources {
            cpu_request: text("10m"),
            cpu_limit: text("500m"),
            memory_request: text("16Mi"),
            memory_limit: text("128Mi"),
        },
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

/// Returns `object` after applying the patch in `response`.
fn patched(object: &Value, response: &Value) -> Value {
    assert_eq!(
        (&response["allowed"], &response["patchType"]),
        (&json!(true), &json!("JSONPatch")),
        "{response}"
    );
    let patch = STANDARD
        .decode(response["patch"].as_str().unwrap())
        .unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

fn changed<E: std::fmt::Debug>(outcome: Result<Outcome, E>) -> Value {
    match outcome.unwrap() {
        Outcome::Changed(changed) => changed.object,
        Outcome::Skipped(skip) => panic!("{skip:?}"),
    }
}

#[tokio::test]
async fn a_pod_that_requests_gleaner_is_changed_as_by_gleaner_inject_and_only_once() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    let mut review = review(JOB_POD);
    let response = client.review("/mutate/pods", &review).await.unwrap();
    let pod = review["request"]["object"].take();
    let expected = changed(pod::inject(&pod, &settings()));
    assert_eq!(patched(&pod, &response), expected);
    review["request"]["object"] = expected;
    let again = client.review("/mutate/pods", &review).await.unwrap();
    assert_eq!(
        again,
        json!({"uid": review["request"]["uid"], "allowed": true})
    );
    let changed = r#"gleaner_injector_reviews_total{resource="pods",outcome="changed",reason=""}"#;
    assert_eq!(injector.metric(changed).await, 1.0);
    let done = r#"gleaner_injector_reviews_total{resource="pods",outcome="skipped",reason="done"}"#;
    assert_eq!(injector.metric(done).await, 1.0);
}

#[tokio::test]
async fn an_injected_pod_gets_the_endpoint_for_traces() {
    let endpoint = "http://collector.observability:4318/v1/traces";
    let authority = Authority::new();
    let setup = Setup::files(&authority).flag(format!("--traces-endpoint={endpoint}"));
    let injector = setup.ready().await;
    let mut client = injector.client(&authority).await;
    let mut review = review(JOB_POD);
    let response = client.review("/mutate/pods", &review).await.unwrap();
    let pod = review["request"]["object"].take();
    let settings = Settings {
        traces_endpoint: Some(endpoint.to_owned()),
        ..settings()
    };
    let injected = patched(&pod, &response);
    assert_eq!(injected, changed(pod::inject(&pod, &settings)));
    assert!(injected.to_string().contains(endpoint), "{injected}");
}

#[tokio::test]
async fn a_task_is_changed_as_by_gleaner_inject() {
    let authority = Authority::new();
    let setup = Setup::files(&authority)
        .flag("--image-pull-policy=Never")
        .flag("--cpu-limit=2");
    let injector = setup.ready().await;
    let mut client = injector.client(&authority).await;
    let mut settings = settings();
    settings.image_pull_policy = Some(PullPolicy::Never);
    settings.resources.cpu_limit = "2".to_owned();
    let mut review = creation("tekton.dev", "Task", &task());
    let response = client.review("/mutate/tekton", &review).await.unwrap();
    let injected = changed(task::inject(&task(), Operation::Create, &settings));
    assert_eq!(patched(&task(), &response), injected);
    // If a user applies the unchanged Task again, the old object in the update is already injected.
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = injected.clone();
    let response = client.review("/mutate/tekton", &review).await.unwrap();
    let expected = changed(task::inject(
        &task(),
        Operation::Update { old: &injected },
        &settings,
    ));
    assert_eq!(patched(&task(), &response), expected);
}

#[tokio::test]
async fn objects_that_do_not_request_gleaner_are_allowed_unchanged() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    for text in [JOB_POD, UNINJECTED_POD] {
        let mut review = review(text);
        review["request"]["object"]["metadata"]["annotations"] = json!({});
        let response = client.review("/mutate/pods", &review).await.unwrap();
        assert_eq!(
            response,
            json!({"uid": review["request"]["uid"], "allowed": true})
        );
    }
    let skipped =
        r#"gleaner_injector_reviews_total{resource="pods",outcome="skipped",reason="not-asked"}"#;
    assert_eq!(injector.metric(skipped).await, 2.0);
}

#[tokio::test]
async fn an_invalid_declaration_is_refused_with_code_400_and_all_errors() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    let mut task = task();
    let declaration = "steps: {mke: [{name: digest, tpye: string}]}";
    task["metadata"]["annotations"]["gleaner.dev/outputs"] = json!(declaration);
    let response = client
        .review("/mutate/tekton", &creation("tekton.dev", "Task", &task))
        .await
        .unwrap();
    assert_eq!(response["allowed"], json!(false));
    assert_eq!(response["status"]["code"], json!(400));
    assert_eq!(response["status"]["reason"], json!("BadRequest"));
    let message = response["status"]["message"].as_str().unwrap();
    assert_eq!(
        message,
        task::inject(&task, Operation::Create, &settings())
            .unwrap_err()
            .to_string()
    );
    assert!(message.contains("tpye"), "{message}");
    let refused = r#"gleaner_injector_reviews_total{resource="tasks",outcome="refused",reason=""}"#;
    assert_eq!(injector.metric(refused).await, 1.0);
}

#[tokio::test]
async fn each_decision_is_one_log_line_that_never_quotes_the_object() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--log-level=trace")
        .ready()
        .await;
    let mut client = injector.client(&authority).await;
    let mut changed = review(JOB_POD);
    changed["request"]["object"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "hush-hush"}]);
    client.review("/mutate/pods", &changed).await.unwrap();
    let line = injector.said("reviewed").await;
    assert_eq!(
        (&line["level"], &line["kind"], &line["name"]),
        (&json!("INFO"), &json!("Pod"), &json!("plain-job-*"))
    );
    assert_eq!(
        (&line["outcome"], &line["reason"]),
        (&json!("changed"), &json!(""))
    );
    assert!(line["operations"].as_u64().unwrap() > 0 && line["ms"].as_f64().unwrap() > 0.0);
    assert_eq!(line["uid"], changed["request"]["uid"]);
    let mut refused = review(UNINJECTED_POD);
    refused["request"]["object"]["spec"]["nodeName"] = json!("hush-hush");
    client.review("/mutate/pods", &refused).await.unwrap();
    assert_eq!(
        injector.said(r#""refused""#).await["name"],
        json!("rich-pod")
    );
    assert_eq!(injector.log().matches(r#""reviewed""#).count(), 2);
    assert!(!injector.log().contains("hush-hush"));
}

#[tokio::test]
async fn a_request_that_is_not_a_review_is_refused_with_an_http_status() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    let old = review(JOB_POD)
        .to_string()
        .replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1");
    let cases = [
        (
            Method::POST,
            "/mutate/pods",
            "{",
            400,
            "not an AdmissionReview",
        ),
        (
            Method::POST,
            "/mutate/pods",
            "",
            400,
            "not an AdmissionReview",
        ),
        (
            Method::POST,
            "/mutate/tekton",
            r#"{"apiVersion": "v1", "kind": "Pod"}"#,
            400,
            "has kind 'Pod' and apiVersion 'v1'",
        ),
        (Method::POST, "/mutate/pods", old.as_str(), 400, "v1beta1"),
        (Method::POST, "/mutate", "{}", 404, "POST /mutate/pods"),
        (Method::GET, "/mutate/pods", "", 405, ""),
    ];
    for (method, path, body, status, text) in cases {
        let answer = client.send(method, path, body.to_owned()).await.unwrap();
        assert_eq!(answer.status, status, "{path} {body}");
        assert!(answer.text().contains(text), "{}", answer.text());
    }
    assert_eq!(
        injector
            .metric("gleaner_injector_unreadable_reviews_total")
            .await,
        4.0
    );
}

#[tokio::test]
async fn the_metrics_match_the_documentation() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    client
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
    let metrics = get(injector.health, "/metrics").await;
    let metrics = metrics.text();
    for series in [
        r#"gleaner_injector_reviews_total{resource="pods",outcome="changed",reason=""} 1"#,
        r#"gleaner_injector_review_duration_seconds_count{resource="pods"} 1"#,
        "gleaner_injector_panics_total 0",
        "gleaner_injector_unreadable_reviews_total 0",
        "gleaner_injector_tls_handshakes_failed_total 0",
        "gleaner_injector_tls_certificate_expiry_timestamp_seconds ",
        "gleaner_injector_certificate_checks_failed_total 0",
        concat!(
            "gleaner_injector_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
        "# EOF",
    ] {
        assert!(
            metrics.lines().any(|line| line.starts_with(series)),
            "{series} is not in\n{metrics}"
        );
    }
}

#[tokio::test]
async fn memory_use_stays_constant_over_many_reviews() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    let mut client = injector.client(&authority).await;
    let bodies = [JOB_POD, UNINJECTED_POD].map(review);
    let mut round = async |times: usize| {
        for _ in 0..times {
            for body in &bodies {
                client.review("/mutate/pods", body).await.unwrap();
            }
        }
    };
    round(200).await;
    let warm = injector.memory("VmRSS");
    round(800).await;
    let after = injector.memory("VmRSS");
    assert!(after <= warm + 1024, "{warm} KiB became {after} KiB");
}

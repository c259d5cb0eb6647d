//! Tests every route and the type of its response, and tests paths that are not routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_proto::message::problem_type;
use sha2::{Digest, Sha256};

use crate::openapi::{filled, operations};
use crate::support::{DIGEST, MANUAL, Setup, api_server};

#[test]
fn the_document_lists_these_routes() {
    let known = [
        "GET /",
        "GET /livez",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /v1/events",
        "GET /v1/preflight",
        "GET /v1/preview",
        "GET /v1/resources",
        "GET /v1/resources/{name}",
        "GET /v1/status",
        "POST /v1/finish",
        "POST /v1/steps/{step}/failure",
        "POST /v1/steps/{step}/outputs",
        "POST /v1/steps/{step}/start",
        "POST /v1/submit",
    ];
    assert!(operations().iter().eq(known), "{:?}", operations());
}

#[test]
fn every_get_route_responds_with_its_media_type_on_every_socket() {
    let sidecar = Setup::new(MANUAL).with(&api_server()).start();
    sidecar.step("build").outputs("build", DIGEST);
    sidecar.step("scan").outputs("scan", r#"{"outputs": {}}"#);
    for place in [
        sidecar.loopback(),
        sidecar.step("build"),
        sidecar.step("scan"),
    ] {
        for (path, kind) in [
            ("/", "text/html; charset=utf-8"),
            ("/livez", "text/plain; charset=utf-8"),
            ("/readyz", "text/plain; charset=utf-8"),
            (
                "/metrics",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            ),
            ("/openapi.json", "application/json"),
            ("/v1/preflight", "application/json"),
            ("/v1/preview", "application/json"),
            ("/v1/status", "application/json"),
            ("/v1/resources", "application/yaml"),
            ("/v1/resources/img", "application/yaml"),
        ] {
            let answer = place.get(path);
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), Some(kind), "{path}");
            let head = place.ask("HEAD", path, &[], b"");
            assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        }
    }
}

#[test]
fn a_response_to_a_wrong_method_lists_the_allowed_method() {
    let sidecar = Setup::new(MANUAL).start();
    for route in operations() {
        let (right, path) = route.split_once(' ').unwrap();
        let path = filled(path);
        for method in [
            "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
        ] {
            if method == right {
                continue;
            }
            for place in [sidecar.loopback(), sidecar.step("build")] {
                let answer = place.ask(method, &path, &[], b"");
                let problem = answer.problem(405, problem_type::METHOD);
                assert!(problem.detail.contains(method), "{problem:?}");
                let allowed = answer.header("allow").unwrap_or_default();
                assert!(
                    allowed.split(',').any(|one| one == right),
                    "{route}: {allowed:?}"
                );
            }
        }
    }
    let head = sidecar.loopback().ask("HEAD", "/v1/submit", &[], b"");
    assert_eq!((head.status, head.body.len()), (405, 0));
}

#[test]
fn an_unknown_path_is_a_problem() {
    let sidecar = Setup::new(MANUAL).start();
    for path in [
        "/v1",
        "/v2/status",
        "/v1/status/",
        "//v1/status",
        "/favicon.ico",
        "/v1/resources/",
    ] {
        let problem = sidecar
            .loopback()
            .get(path)
            .problem(404, problem_type::NOT_FOUND);
        assert!(problem.detail.contains("GET /openapi.json"), "{problem:?}");
    }
    let missing = sidecar.loopback().get("/v1/resources/image");
    let problem = missing.problem(404, problem_type::NOT_FOUND);
    assert!(problem.detail.contains("img, note"), "{problem:?}");
    for answer in [
        sidecar.loopback().get("/v1/resources/%ff"),
        sidecar.step("build").post("/v1/steps/%ff/outputs", DIGEST),
    ] {
        answer.problem(404, problem_type::NOT_FOUND);
    }
}

#[test]
fn resources_are_yaml_documents_or_json() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let problem = place
        .get("/v1/resources")
        .problem(409, problem_type::PENDING);
    assert_eq!(
        problem.pending,
        [
            "steps.build.digest",
            "steps.scan.verdict",
            "steps.build.report"
        ]
    );

    let partial = place.get("/v1/resources?partial=true");
    assert_eq!(partial.status, 200);
    assert!(
        partial.text().contains("$(steps.build.digest)"),
        "{}",
        partial.text()
    );
    assert!(
        partial.text().contains("value: registry.example/app"),
        "{}",
        partial.text()
    );

    place.outputs("build", DIGEST).ok();
    sidecar
        .step("scan")
        .outputs("scan", r#"{"outputs": {}}"#)
        .ok();
    let yaml = place.get("/v1/resources");
    let documents: Vec<&str> = yaml.text().split("---\n").collect();
    assert_eq!(documents.len(), 2, "{}", yaml.text());
    assert_eq!(place.get("/v1/resources/img").text(), documents[0]);
    assert!(documents[0].starts_with("apiVersion: tekton.dev/v1alpha1\nkind: PipelineResource\n"));
    assert!(
        documents[0].contains("value: sha256:abc"),
        "{}",
        yaml.text()
    );
    assert!(documents[1].contains("verdict: unknown"), "{}", yaml.text());

    let json = |path| {
        place
            .ask("GET", path, &[("Accept", "application/json")], b"")
            .ok()
    };
    let all = json("/v1/resources");
    assert_eq!(all[0]["spec"]["params"][1]["value"], "sha256:abc");
    assert_eq!(json("/v1/resources/note"), all[1]);
}

#[test]
fn an_unknown_query_is_refused() {
    let sidecar = Setup::new(MANUAL).start();
    for query in [
        "waiting=1s",
        "wait=soon",
        "wait=",
        "partial=maybe",
        "wait=1s&wait=2s",
    ] {
        for path in ["/v1/resources", "/v1/resources/img"] {
            let answer = sidecar.loopback().get(&format!("{path}?{query}"));
            let problem = answer.problem(400, problem_type::MALFORMED);
            assert!(!problem.detail.is_empty(), "{problem:?}");
        }
    }
}

#[test]
fn the_page_is_self_contained() {
    let sidecar = Setup::new(MANUAL).start();
    let page = sidecar.loopback().get("/");
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    // The page contains exactly one style and one script, and the policy allows each by its hash.
    assert!(!policy.contains("unsafe"), "{policy}");
    for name in ["style", "script"] {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let [_, rest] = page.text().split(&start).collect::<Vec<_>>()[..] else {
            panic!("not one <{name}>");
        };
        let (content, _) = rest.split_once(&end).unwrap();
        let hash = STANDARD.encode(Sha256::digest(content));
        let directive = format!("{name}-src 'sha256-{hash}';");
        assert!(policy.contains(&directive), "{directive}: {policy}");
    }
    for elsewhere in [
        "http:",
        "https:",
        " src=",
        " style=",
        " onclick=",
        "@import",
        "url(",
        "innerHTML",
    ] {
        assert!(
            !page.text().contains(elsewhere),
            "the page must not contain {elsewhere}"
        );
    }
    for asked in ["/v1/events", "/v1/preview"] {
        assert!(page.text().contains(asked), "{asked}");
    }
}

#[test]
fn metrics_count_accepted_and_refused_messages() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    place.outputs("build", DIGEST);
    let collecting = r#"gleaner_phase{phase="Collecting"} 1"#;
    assert!(place.get("/metrics").text().contains(collecting));
    place.post("/v1/finish", "").ok();
    place.outputs("build", r#"{"outputs": {"digest": "other"}}"#);
    let metrics = place.get("/metrics");
    for line in [
        "gleaner_outputs_accepted_total 1".to_owned(),
        format!("gleaner_outputs_bytes_total {}", DIGEST.len()),
        r#"gleaner_outputs_refused_total{problem="already-written"} 1"#.to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(
            metrics.text().lines().any(|given| given == line),
            "{line}: {}",
            metrics.text()
        );
    }
}

//! Tests outputs and objects of different sizes, up to and beyond the memory limit.

use gleaner_proto::exit_code;
use gleaner_proto::message::problem_type;

use crate::hostile::{LARGE, LIMIT, large, within_the_limit};
use crate::support::{MANUAL, Setup, VERDICT};

#[test]
fn outputs_that_together_exceed_the_memory_limit_are_refused() {
    let sidecar = Setup::new(MANUAL).flag(LIMIT).start();
    let build = sidecar.step("build");
    build.outputs("build", &large("x", 16 << 20)).ok();
    let verdict = format!(
        r#"{{"outputs": {{"verdict": "{}"}}}}"#,
        "y".repeat(16 << 20)
    );
    for _ in 0..3 {
        let refused = sidecar.step("scan").outputs("scan", &verdict);
        let problem = refused.problem(413, problem_type::TOO_LARGE);
        assert_eq!(problem.exit_code, exit_code::OUTPUT);
        for figure in ["step 'scan'", "16777", "--max-outputs"] {
            assert!(problem.detail.contains(figure), "{problem:?}");
        }
    }
    within_the_limit(&sidecar);
    // After the refusal, a smaller message is accepted.
    sidecar.step("scan").outputs("scan", VERDICT).ok();
}

#[test]
fn a_message_of_many_small_values_is_refused_before_it_takes_their_memory() {
    let sidecar = Setup::new(MANUAL)
        .flag(LIMIT)
        .flag("--max-values=10000000")
        .start();
    let items = vec!["[0]"; 400_000].join(",");
    let body = format!(r#"{{"outputs": {{"report": {{"a": [{items}]}}, "digest": "x"}}}}"#);
    let refused = sidecar.step("build").outputs("build", &body);
    let problem = refused.problem(413, problem_type::TOO_LARGE);
    assert!(problem.detail.contains("memory limit"), "{problem:?}");
    within_the_limit(&sidecar);
}

#[test]
fn a_large_output_used_forty_times_is_refused_before_rendering() {
    let uses: String = (0..40)
        .map(|index| format!("        k{index}: $(steps.build.digest)\n"))
        .collect();
    let declaration = MANUAL.replace(
        "      data: {",
        &format!("      data:\n{uses}        rest: {{"),
    );
    let declaration = declaration.replace("submit: Manual", "submit: Resolved");
    let api_server = crate::support::api_server();
    let sidecar = Setup::new(&declaration)
        .flag(LIMIT)
        .with(&api_server)
        .start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let refused = sidecar
        .step("build")
        .outputs("build", &large("x", 16 << 20));
    let problem = refused.problem(413, problem_type::TOO_LARGE);
    assert_eq!(problem.exit_code, exit_code::OUTPUT);
    let failure = &problem.failures[0];
    assert_eq!(failure.code, gleaner_proto::failure::FailureCode::TooLarge);
    assert_eq!(failure.resource.as_deref(), Some("img"));
    for part in [
        "nothing was created",
        "16777",
        "3145728",
        "$(steps.build.digest)",
    ] {
        assert!(problem.detail.contains(part), "{problem:?}");
    }
    assert_eq!(api_server.paths().len(), 0);
    let shown = sidecar.loopback().get("/v1/resources");
    let shown = shown.problem(413, problem_type::TOO_LARGE);
    assert!(shown.detail.contains("3145728"), "{shown:?}");
    within_the_limit(&sidecar);
}

/// Returns templates for `count` ConfigMaps, each of which contains the output `digest`.
fn config_maps(count: usize) -> String {
    let template = |index| {
        format!(
            "  - name: o{index}\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {{name: \
             o{index}}}\n      data: {{digest: $(steps.build.digest)}}\n"
        )
    };
    (0..count).map(template).collect()
}

#[test]
fn resources_too_large_to_show_together_are_shown_one_by_one() {
    let objects = config_maps(4);
    let declaration =
        format!("steps:\n  build: [{{name: digest}}]\nobjects:\n{objects}submit: Manual\n");
    let sidecar = Setup::new(&declaration).flag(LIMIT).start();
    sidecar
        .step("build")
        .outputs("build", &large("x", LARGE))
        .ok();
    for accept in ["application/json", "application/yaml"] {
        let headers = [("Accept", accept)];
        let all = sidecar
            .loopback()
            .ask("GET", "/v1/resources", &headers, b"");
        let problem = all.problem(413, problem_type::TOO_LARGE);
        assert!(
            problem.detail.contains("/v1/resources/{name}"),
            "{problem:?}"
        );
        let one = sidecar
            .loopback()
            .ask("GET", "/v1/resources/o3", &headers, b"");
        assert_eq!(one.status, 200);
        assert!(one.body.len() > LARGE);
    }
    within_the_limit(&sidecar);
}

#[test]
fn the_largest_submission_stays_within_the_memory_limit() {
    let objects = config_maps(3);
    let declaration =
        format!("steps:\n  build: [{{name: digest}}, {{name: unused}}]\nobjects:\n{objects}");
    let api_server = crate::support::api_server();
    let sidecar = Setup::new(&declaration)
        .flag(LIMIT)
        .with(&api_server)
        .start();
    let (used, unused) = ("x".repeat(3_000_000), "y".repeat(15_000_000));
    let body = format!(r#"{{"outputs": {{"digest": "{used}", "unused": "{unused}"}}}}"#);
    let outcome = sidecar.step("build").outputs("build", &body).ok();
    assert_eq!(outcome["phase"], "Committed");
    assert_eq!(api_server.paths().len(), 3);
    within_the_limit(&sidecar);
}

#[test]
fn yaml_that_is_much_longer_than_the_json_is_refused_before_it_exceeds_the_memory_limit() {
    let deep = "{a: {b: {c: {d: {e: {f: {g: {h: $(steps.build.digest)}}}}}}}}";
    let declaration = format!(
        "steps:\n  build: [{{name: digest}}]\nobjects:\n  - name: deep\n    resourceTemplate:\n      apiVersion: v1\n      \
         kind: ConfigMap\n      metadata: {{name: deep}}\n      data: {deep}\nsubmit: Manual\n"
    );
    let sidecar = Setup::new(&declaration).flag(LIMIT).start();
    let lines = format!(
        r#"{{"outputs": {{"digest": "{}"}}}}"#,
        r"a\n".repeat(600_000)
    );
    sidecar.step("build").outputs("build", &lines).ok();
    let yaml = sidecar.loopback().get("/v1/resources");
    let problem = yaml.problem(413, problem_type::TOO_LARGE);
    assert!(
        problem.detail.contains("the response would exceed"),
        "{problem:?}"
    );
    let headers = [("Accept", "application/json")];
    let json = sidecar
        .loopback()
        .ask("GET", "/v1/resources", &headers, b"");
    assert_eq!(json.status, 200);
    within_the_limit(&sidecar);
}

#[test]
fn concurrent_messages_of_many_values_are_parsed_one_by_one() {
    const STEPS: usize = 12;
    let steps: String = (0..STEPS)
        .map(|step| format!("  s{step}: [{{name: list, type: array}}]\n"))
        .collect();
    let sidecar = Setup::new(&format!("steps:\n{steps}")).flag(LIMIT).start();
    let list = vec!["[0]"; 40_000].join(",");
    let body = format!(r#"{{"outputs": {{"list": [{list}]}}}}"#);
    let posts = (0..4 * STEPS).map(|index| {
        let step = format!("s{}", index % STEPS);
        let (place, body) = (sidecar.step(&step), body.clone());
        std::thread::spawn(move || place.outputs(&step, &body).status)
    });
    let posts: Vec<_> = posts.collect();
    let statuses: Vec<u16> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    let accepted = statuses.iter().filter(|status| **status == 200).count();
    // The memory limit allows only one step's message. The four posts of that step are accepted, and the posts of all other
    // steps are refused.
    assert_eq!(accepted, 4, "{statuses:?}");
    within_the_limit(&sidecar);
}

#[test]
fn concurrent_large_messages_are_processed_one_by_one() {
    let sidecar = Setup::new(MANUAL).flag(LIMIT).start();
    let body = large("x", 16 << 20);
    let posts = (0..24).map(|index| {
        let place = if index % 2 == 0 {
            sidecar.step("build")
        } else {
            sidecar.step("scan")
        };
        let (step, body) = (["build", "scan"][index % 2], body.clone());
        std::thread::spawn(move || place.outputs(step, &body).status)
    });
    let posts: Vec<_> = posts.collect();
    let statuses: Vec<u16> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    println!("{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(
        statuses
            .iter()
            .all(|status| [200, 413, 422, 503].contains(status)),
        "{statuses:?}"
    );
    within_the_limit(&sidecar);
}

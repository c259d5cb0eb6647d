//! Tests of the limits on client requests.

use std::time::{Duration, Instant};

use gleaner_proto::exit_code;
use gleaner_proto::message::problem_type;

use crate::support::{Connection, DIGEST, MANUAL, PATIENCE, Setup, VERDICT};

const HEAD: &str = "POST /v1/steps/build/outputs HTTP/1.1\r\nHost: localhost\r\n";

#[test]
fn a_body_that_is_too_large_is_refused_with_or_without_a_content_length() {
    let sidecar = Setup::new(MANUAL).flag("--max-body=1Ki").start();
    let large = format!(r#"{{"outputs": {{"digest": "{}"}}}}"#, "x".repeat(1000));
    assert!(large.len() > 1 << 10);
    for place in [sidecar.step("build"), sidecar.loopback()] {
        let token = format!("Authorization: Bearer {}\r\n", sidecar.token("build"));
        let announced = format!("{HEAD}{token}Content-Length: {}\r\n\r\n", large.len());
        // The server refuses the body because of its Content-Length, before the client sends the body.
        let mut connection = place.connect();
        connection.send(announced.as_bytes()).unwrap();
        let problem = connection
            .answer()
            .unwrap()
            .problem(413, problem_type::TOO_LARGE);
        assert!(problem.detail.contains("--max-body"), "{problem:?}");
        assert_eq!(problem.exit_code, exit_code::OUTPUT);

        let chunked = format!("{HEAD}{token}Transfer-Encoding: chunked\r\n\r\n");
        let mut connection = place.connect();
        connection.send(chunked.as_bytes()).unwrap();
        for part in large.as_bytes().chunks(100) {
            let chunk = [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            if connection.send(&chunk).is_err() {
                break;
            }
        }
        connection
            .answer()
            .unwrap()
            .problem(413, problem_type::TOO_LARGE);
    }
    let fitting = format!(r#"{{"outputs": {{"digest": "{}"}}}}"#, "x".repeat(900));
    sidecar.step("build").outputs("build", &fitting).ok();
}

#[test]
fn invalid_content_lengths_are_refused() {
    let sidecar = Setup::new(MANUAL).start();
    for length in [
        "18446744073709551615",
        "99999999999999999999999",
        "-1",
        "1e3",
        "1, 2",
    ] {
        let mut connection = sidecar.step("build").connect();
        connection
            .send(format!("{HEAD}Content-Length: {length}\r\n\r\n").as_bytes())
            .unwrap();
        let status = connection.answer().unwrap().status;
        assert!([400, 413, 431].contains(&status), "{length}: {status}");
    }
    sidecar.step("build").outputs("build", DIGEST).ok();
}

#[test]
fn ten_thousand_unknown_outputs_get_a_short_and_fast_response() {
    let sidecar = Setup::new(MANUAL).start();
    let long = "k".repeat(5_000);
    let keys: Vec<String> = (0..10_000)
        .map(|key| format!(r#""{long}{key}": "x""#))
        .collect();
    let body = format!(r#"{{"outputs": {{{}}}}}"#, keys.join(","));
    let begin = Instant::now();
    let problem = sidecar
        .step("build")
        .outputs("build", &body)
        .problem(422, problem_type::OUTPUT);
    assert!(problem.detail.ends_with("and 9991 more"), "{problem:?}");
    // Quadratic work on 50 MB of names would take many minutes. Linear work takes a few seconds, even on a busy machine.
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn too_many_values_are_refused_before_they_take_up_memory() {
    let sidecar = Setup::new(MANUAL).start();
    let many = format!(
        r#"{{"outputs": {{"report": {{"a": [{}0]}}}}}}"#,
        "0,".repeat(15 << 20)
    );
    let before = sidecar.memory("VmHWM");
    let problem = sidecar
        .step("build")
        .outputs("build", &many)
        .problem(413, problem_type::TOO_LARGE);
    assert!(problem.detail.contains("--max-values"), "{problem:?}");
    let taken = sidecar.memory("VmHWM") - before;
    assert!(taken < 64 * 1024, "{taken} KiB");
}

#[test]
fn a_slow_body_is_refused() {
    let sidecar = Setup::new(MANUAL).flag("--body-timeout=200ms").start();
    let mut connection = sidecar.step("build").connect();
    connection
        .send(format!("{HEAD}Content-Length: 100\r\n\r\n{{").as_bytes())
        .unwrap();
    let problem = connection
        .answer()
        .unwrap()
        .problem(408, problem_type::TIMEOUT);
    assert_eq!(problem.exit_code, exit_code::UNREACHABLE);
    assert!(problem.detail.contains("--body-timeout"), "{problem:?}");
    sidecar.step("build").outputs("build", DIGEST).ok();
}

#[test]
fn a_slow_header_closes_the_connection() {
    let sidecar = Setup::new(MANUAL).flag("--header-timeout=200ms").start();
    for begun in ["", "GET /v1/sta", HEAD] {
        for place in [sidecar.step("build"), sidecar.loopback()] {
            let mut connection = place.connect();
            connection.send(begun.as_bytes()).unwrap();
            let begin = Instant::now();
            assert!(connection.is_closed(), "{begun:?}");
            assert!(begin.elapsed() < PATIENCE / 2);
        }
    }
}

#[test]
fn a_header_that_is_too_large_is_refused() {
    let sidecar = Setup::new(MANUAL).start();
    let long = "x".repeat(256 << 10);
    let answer = sidecar
        .step("build")
        .ask("GET", "/livez", &[("Cookie", &long)], b"");
    assert_eq!(answer.status, 431);
    let many: Vec<(String, &str)> = (0..100).map(|field| (format!("X-{field}"), "x")).collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    assert_eq!(
        sidecar
            .step("build")
            .ask("GET", "/livez", &many, b"")
            .status,
        431
    );
}

#[test]
fn too_many_connections_on_one_socket_do_not_block_other_steps() {
    let setup = Setup::new(MANUAL)
        .flag("--max-connections=3")
        .flag("--header-timeout=1m");
    let sidecar = setup.start();
    let idle = |_| {
        let mut connection = sidecar.step("build").connect();
        connection.send(b"GET /v1/sta").unwrap();
        connection
    };
    let mut held: Vec<Connection> = (0..8).map(idle).collect();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar.loopback().get("/v1/status").ok();
    // The step `build` can post again as soon as its idle connections are closed.
    let place = sidecar.step("build");
    let heard = std::thread::spawn(move || place.outputs("build", DIGEST).status);
    held.clear();
    assert_eq!(heard.join().unwrap(), 200);
}

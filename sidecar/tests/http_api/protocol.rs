//! Tests of HTTP features that clients rarely use.

use gleaner_proto::message::Phase;

use crate::support::{Connection, DIGEST, MANUAL, PATIENCE, Setup};
use crate::waiting::next;

/// Reads until the server closes or resets the connection, and returns the received text.
fn rest(connection: &mut Connection) -> String {
    let mut text = String::new();
    while let Ok(Some(line)) = connection.line() {
        text += &line;
        text.push('\n');
    }
    text
}

#[test]
fn an_http_1_0_client_gets_a_response_and_is_disconnected() {
    let sidecar = Setup::new(MANUAL).start();
    for (path, part) in [
        ("/v1/status", "\"phase\":\"Collecting\""),
        ("/v1/resources?partial=true", "kind: PipelineResource"),
    ] {
        let mut connection = sidecar.loopback().connect();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        connection.send(request.as_bytes()).unwrap();
        let response = rest(&mut connection);
        assert!(response.contains(part), "{response}");
    }
    let mut events = sidecar.loopback().connect();
    events.send(b"GET /v1/events HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(next(&mut events).phase, Phase::Collecting);
}

#[test]
fn pipelined_requests_with_unread_responses_are_not_processed() {
    let sidecar = Setup::new(MANUAL).flag("--write-timeout=1s").start();
    let before = sidecar.memory("VmHWM");
    let requests =
        b"GET /v1/resources?partial=true HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200_000);
    let (done, ended) = std::sync::mpsc::channel();
    for place in [sidecar.step("build"), sidecar.loopback()] {
        let (requests, done) = (requests.clone(), done.clone());
        std::thread::spawn(move || {
            let mut connection = place.connect();
            // Sending fails after the server closes the connection.
            let _ = done.send(connection.send(&requests).is_err());
        });
    }
    for _ in 0..2 {
        let disconnected = ended.recv_timeout(PATIENCE);
        assert_eq!(
            disconnected,
            Ok(true),
            "the server must disconnect the client"
        );
    }
    let taken = sidecar.memory("VmHWM") - before;
    assert!(taken < 16 << 10, "{taken} KiB");
}

#[test]
fn a_flood_of_trailers_is_refused() {
    let sidecar = Setup::new(MANUAL).start();
    let head = "POST /v1/steps/build/outputs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{DIGEST}\r\n0\r\n", DIGEST.len());
    let before = sidecar.memory("VmHWM");
    let mut connection = sidecar.step("build").connect();
    connection
        .send(format!("{head}{chunk}").as_bytes())
        .unwrap();
    let flood = "X-Trailer: x\r\n".repeat(100_000);
    let _ = connection.send(flood.as_bytes());
    let response = rest(&mut connection);
    assert!(!response.contains(" 200 "), "{response}");
    let taken = sidecar.memory("VmHWM") - before;
    assert!(taken < 16 << 10, "{taken} KiB");
    // A few trailers are accepted.
    let mut connection = sidecar.step("build").connect();
    connection
        .send(format!("{head}{chunk}X-Trailer: x\r\n\r\n").as_bytes())
        .unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);
}

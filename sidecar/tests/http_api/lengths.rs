//! Tests that every response on the routes that the redirector uses has a Content-Length header, because the redirector does not
//! parse chunked responses.

use gleaner_proto::route;

use crate::support::{DIGEST, MANUAL, Setup, VERDICT, api_server, request};

#[test]
fn responses_to_steps_have_a_content_length() {
    let api_server = api_server();
    let sidecar = Setup::new(MANUAL)
        .flag("--max-body=1Ki")
        .with(&api_server)
        .start();
    let outputs = route::OUTPUTS.replace("{step}", "build");
    let foreign = route::OUTPUTS.replace("{step}", "scan");
    let large = "x".repeat(2 << 10);
    let requests = [
        ("GET", route::PREFLIGHT, "", 200),
        ("POST", &*outputs, "{", 400),
        ("POST", &*outputs, &*large, 413),
        ("POST", &*outputs, r#"{"outputs": {"other": 1}}"#, 422),
        ("POST", &*outputs, DIGEST, 200),
        ("POST", &*foreign, VERDICT, 403),
        ("POST", "/v1/steps/%ff/outputs", VERDICT, 404),
        ("PUT", &*outputs, "", 405),
        ("POST", "/v1/nothing", "", 404),
        ("POST", route::SUBMIT, "", 409),
        ("POST", route::FINISH, "", 200),
        ("POST", &*outputs, r#"{"outputs": {}}"#, 409),
    ];
    let place = sidecar.step("build");
    for (method, path, body, status) in requests {
        let mut connection = place.connect();
        let _ = connection.send(&request(method, path, &[], body.as_bytes()));
        let head = connection.head().unwrap();
        assert_eq!(head.status, status, "{method} {path}: {head:?}");
        assert!(
            head.header("content-length").is_some(),
            "{method} {path}: {head:?}"
        );
        assert_eq!(head.header("transfer-encoding"), None, "{method} {path}");
    }
    for (bytes, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (
            format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(200 << 10)),
            431,
        ),
    ] {
        let mut connection = place.connect();
        let _ = connection.send(bytes.as_bytes());
        let head = connection.head().unwrap();
        assert_eq!(head.status, status, "{head:?}");
        assert!(head.header("content-length").is_some(), "{head:?}");
    }
}

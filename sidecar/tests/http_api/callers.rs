//! Tests of the callers' permissions. In particular, each caller may post only for its own step.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

use gleaner_proto::message::problem_type;

use crate::support::{DIGEST, MANUAL, Setup, VERDICT};

const OUTPUTS: &str = "/v1/steps/build/outputs";

#[test]
fn a_post_on_the_loopback_address_needs_the_steps_own_token() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.loopback();
    let own = sidecar.token("build");
    for path in [
        OUTPUTS,
        "/v1/steps/nobody/outputs",
        "/v1/submit",
        "/v1/finish",
    ] {
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            &format!("Basic {own}"),
            &own,
            &format!("Bearer {}", &own[1..]),
        ] {
            let headers = [("Authorization", header)];
            let headers = if header.is_empty() { &[] } else { &headers[..] };
            let answer = place.ask("POST", path, headers, DIGEST.as_bytes());
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer"),
                "{path} {header}"
            );
            let problem = answer.problem(401, problem_type::UNAUTHORIZED);
            assert!(
                problem
                    .detail
                    .contains("file `token` next to the step's socket"),
                "{problem:?}"
            );
            assert!(!problem.detail.contains(&own));
        }
    }
    let foreign = place.post_with(&sidecar.token("scan"), OUTPUTS, DIGEST);
    let problem = foreign.problem(403, problem_type::FORBIDDEN);
    assert!(problem.detail.contains("step 'scan'"), "{problem:?}");
    place.post_with(&own, OUTPUTS, DIGEST).ok();
    // Any process in the pod may send GET requests.
    place.get("/v1/status").ok();
}

#[test]
fn a_socket_identifies_its_own_step_regardless_of_the_token() {
    let sidecar = Setup::new(MANUAL).start();
    for answer in [
        sidecar.step("scan").outputs("build", DIGEST),
        sidecar
            .step("scan")
            .post_with(&sidecar.token("build"), OUTPUTS, DIGEST),
    ] {
        let problem = answer.problem(403, problem_type::FORBIDDEN);
        assert!(problem.detail.contains("step 'build'"), "{problem:?}");
    }
    let status = sidecar.loopback().get("/v1/status").ok();
    assert_eq!(status["steps"][0]["state"], "Waiting");
    // On a step's socket, a token is ignored.
    sidecar
        .step("scan")
        .post_with("wrong", "/v1/steps/scan/outputs", VERDICT)
        .ok();
}

#[test]
fn an_unknown_host_header_on_the_loopback_address_is_refused() {
    let sidecar = Setup::new(MANUAL).start();
    let token = format!("Bearer {}", sidecar.token("build"));
    let ask = |method, path, host| {
        let headers = [("Host", host), ("Authorization", token.as_str())];
        sidecar
            .loopback()
            .ask(method, path, &headers, DIGEST.as_bytes())
    };
    for host in [
        "evil.example",
        "evil.example:8440",
        "127.0.0.1.evil.example",
        "localhost.",
        "",
        // Host headers that are not ASCII.
        "l\u{f6}calhost",
        "127.0.0.1\u{ff}",
    ] {
        for (method, path) in [
            ("GET", "/v1/status"),
            ("GET", "/"),
            ("POST", OUTPUTS),
            ("GET", "/nothing"),
        ] {
            ask(method, path, host).problem(421, problem_type::FORBIDDEN);
        }
    }
    for host in ["localhost", "localhost:8440", "127.0.0.1:9", "[::1]:9"] {
        assert_eq!(ask("GET", "/livez", host).status, 200, "{host}");
    }
    let two = [("Host", "localhost"), ("Host", "evil.example")];
    let answer = sidecar.loopback().ask("GET", "/livez", &two, b"");
    assert!(matches!(answer.status, 400 | 421), "{answer:?}");
    // Any Host header is accepted on a Unix socket, because browsers cannot connect to such a socket, and curl sends an arbitrary
    // name.
    let answer = sidecar
        .step("build")
        .ask("GET", "/livez", &[("Host", "gleaner")], b"");
    assert_eq!(answer.status, 200);
}

#[test]
fn socket_and_token_are_accessible_to_all_users_and_links_are_not_followed() {
    let setup = Setup::new(MANUAL);
    let victim = setup.path("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
    let folder = setup.path("run").join("build");
    std::fs::create_dir_all(&folder).unwrap();
    symlink(&victim, folder.join("token")).unwrap();
    symlink(&victim, folder.join("gleaner.sock")).unwrap();

    let sidecar = setup.start();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(
        victim.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let token = folder.join("token").symlink_metadata().unwrap();
    assert!(token.is_file());
    assert_eq!(token.permissions().mode() & 0o777, 0o644);
    let socket = folder.join("gleaner.sock").symlink_metadata().unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o666);
    assert_eq!(sidecar.token("build").len(), 64);
    assert_ne!(sidecar.token("build"), sidecar.token("scan"));
}

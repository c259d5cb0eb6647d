use std::process::Command;

use crate::support::{Authority, Setup};

fn run(flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gleaner-injector"))
        .args(flags)
        .env_clear()
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_help_text_is_complete() {
    let (code, help) = run(&["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("help", help);
}

#[test]
fn an_invalid_command_line_exits_with_64_and_a_remedy() {
    let image = "--image=a";
    let files = ["--tls-cert=a", "--tls-key=b"];
    let cases: [(&[&str], &str); 14] = [
        (&[], "--image <IMAGE>"),
        (
            &[image],
            "<--tls-cert <FILE>|--tls-secret <NAMESPACE/NAME>>",
        ),
        (&[image, files[0]], "--tls-key <FILE>"),
        (
            &[image, files[0], files[1], "--tls-secret=a/b"],
            "cannot be used with",
        ),
        (&[image, "--tls-secret=a/b"], "--service <NAME>"),
        (
            &[image, files[0], files[1], "--tls-ca=c"],
            "--webhook-configuration <NAME>",
        ),
        (
            &[image, files[0], files[1], "--webhook-configuration=a"],
            "<--tls-secret <NAMESPACE/NAME>|--tls-ca <FILE>>",
        ),
        (
            &[
                image,
                "--tls-secret=a",
                "--service=a",
                "--webhook-configuration=a",
            ],
            "NAMESPACE/NAME",
        ),
        (
            &[image, files[0], files[1], "--cpu-limit=1 core"],
            "use a form such as 500m",
        ),
        (
            &[image, files[0], files[1], "--run-as-user=0"],
            "0 is not in",
        ),
        (
            &[image, files[0], files[1], "--api-server=10.0.0.1"],
            "use http://",
        ),
        (
            &[image, files[0], files[1], "--certificate-validity=1s"],
            "use 3s to 876000h",
        ),
        (&[image, files[0], files[1], "--sidecars=istio"], "auto"),
        (
            &[
                image,
                files[0],
                files[1],
                "--traces-endpoint=collector:4318",
            ],
            "use the full URL for OTLP over HTTP",
        ),
    ];
    for (flags, text) in cases {
        let (code, said) = run(flags);
        assert_eq!(code, Some(64), "{flags:?}: {said}");
        assert!(said.contains(text), "{flags:?}: {said}");
    }
}

#[test]
fn missing_api_server_credentials_exit_with_73() {
    let setup = Setup::files(&Authority::new()).without("--no-events");
    let (code, said) = setup.run();
    assert_eq!(code, Some(73), "{said}");
    assert!(
        said.contains("this container has no ServiceAccount token"),
        "{said}"
    );
}

#[test]
fn an_address_in_use_exits_with_1_and_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, said) = Setup::files(&Authority::new())
        .flag(format!("--health-listen={address}"))
        .run();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("use --health-listen for another address"),
        "{said}"
    );
}

//! Tests of the errors that prevent the sidecar from starting, and of their exit codes.

use std::net::TcpListener;

use crate::support::{MANUAL, Setup};

#[test]
fn an_invalid_command_line_exits_with_64() {
    for setup in [
        Setup::new(MANUAL).flag("--no-such-flag"),
        Setup::new(MANUAL).flag("--max-body=much"),
        Setup::new(MANUAL).flag("--header-timeout=1"),
        Setup::new(MANUAL).flag("--param=imageUrl"),
        Setup::new(MANUAL).flag("--listen=localhost"),
        Setup::new(MANUAL).flag("--step=Not A Step"),
        Setup::new(MANUAL).without("--declaration-file"),
        Setup::new(MANUAL).without("--context=taskRun.uid"),
        Setup::new(MANUAL).flag("--api-server=:"),
        Setup::new(MANUAL).flag("--api-server=localhost"),
        Setup::new(MANUAL).flag("--api-server=localhost:6443"),
        Setup::new(MANUAL).flag("--api-server=ftp://localhost"),
        Setup::new(MANUAL).flag("--api-server=/api"),
    ] {
        let (code, said) = setup.run();
        assert_eq!(code, Some(64), "{said}");
        assert!(!said.is_empty());
    }
}

#[test]
fn an_invalid_declaration_exits_with_78_and_all_errors() {
    let wrong = "steps: {build: [{name: digest, type: strng}, {name: digest}]}\nresources: [{name: img, spec: {type: image, \
                 params: [{name: d, value: $(steps.build.digset)}]}}]\nsubmitt: Manual\n";
    let (code, said) = Setup::new(wrong).run();
    assert_eq!(code, Some(78), "{said}");
    for part in ["strng", "digset", "submitt", "did you mean"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let missing = Setup::new(MANUAL).flag("--declaration-file=/nowhere");
    let (code, said) = missing.run();
    assert_eq!(code, Some(78));
    assert!(
        said.contains("/nowhere") && said.contains("No such file"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("declaration.yaml");
    let flag = format!("--declaration-file={}", file.display());
    let wide: Vec<u8> = "\u{feff}submit: Manual"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(&file, wide).unwrap();
    let (code, said) = Setup::new(MANUAL)
        .without("--declaration-file")
        .flag(&flag)
        .run();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("is UTF-16; write UTF-8"), "{said}");
    std::fs::write(&file, "\u{feff}submitt: Manual").unwrap();
    let (code, said) = Setup::new(MANUAL)
        .without("--declaration-file")
        .flag(&flag)
        .run();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("unknown field 'submitt'"), "{said}");
    let encoded = Setup::new(MANUAL)
        .without("--declaration-file")
        .flag("--declaration=%%%");
    assert_eq!(encoded.run().0, Some(78));
}

#[test]
fn a_kind_that_is_not_allowed_exits_with_78_and_is_named() {
    let (code, said) = Setup::new(MANUAL).flag("--allow-kind=apps/*").run();
    assert_eq!(code, Some(78), "{said}");
    for part in [
        "PipelineResource",
        "is not allowed in this cluster",
        "allowedKinds",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn only_a_loopback_address_is_allowed() {
    for address in ["0.0.0.0:0", "192.0.2.1:8440", "[::]:0"] {
        let (code, said) = Setup::new(MANUAL).flag(format!("--listen={address}")).run();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("only a loopback address"), "{said}");
    }
}

#[test]
fn the_error_about_an_address_in_use_includes_a_remedy() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let (code, said) = Setup::new(MANUAL).flag(format!("--listen={address}")).run();
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&address.to_string()) && said.contains("--listen"),
        "{said}"
    );
}

#[test]
fn a_declaration_without_resources_needs_no_api_server_and_no_context() {
    let setup = Setup::new("steps: {build: [{name: digest}]}\n")
        .without("--context")
        .without("--api-server");
    let sidecar = setup.start();
    let place = sidecar.step("build");
    place
        .outputs("build", r#"{"outputs": {"digest": "x"}}"#)
        .ok();
    assert_eq!(place.post("/v1/finish", "").ok()["phase"], "Committed");
    assert_eq!(place.get("/v1/resources").text(), "");
}

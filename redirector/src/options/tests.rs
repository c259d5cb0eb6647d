use super::*;

fn parse_all(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Invocation, Failure> {
    let find = |name: &str| {
        let found = environment.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    };
    parse(arguments.iter().map(OsString::from), find)
}

fn wrap(arguments: &[&str], environment: &[(&str, &str)]) -> Wrap {
    match parse_all(arguments, environment) {
        Ok(Invocation::Wrap(wrap)) => wrap,
        other => panic!("{other:?}"),
    }
}

fn refused(arguments: &[&str]) -> String {
    parse_all(arguments, &[])
        .expect_err("the arguments must be refused")
        .message
}

#[test]
fn arguments_after_the_first_double_dash_belong_to_the_command() {
    let options = wrap(&["--step=a", "--", "sh", "--", "--step", "b"], &[]);
    assert_eq!(options.common.step.as_str(), "a");
    assert_eq!(options.command, ["sh", "--", "--step", "b"]);
}

#[test]
fn a_flag_overrides_its_variable() {
    let environment = [
        ("GLEANER_STEP", "baked"),
        ("GLEANER_OUTPUT", "digest=/d\n\nreport,object\n"),
        ("GLEANER_SIDECAR", "http://localhost:8440"),
        ("GLEANER_FINISH", "1"),
        ("GLEANER_PREFLIGHT", ""),
    ];
    let options = wrap(&["--", "true"], &environment);
    assert_eq!(options.common.step.as_str(), "baked");
    assert_eq!(options.common.sidecar.to_string(), "http://127.0.0.1:8440");
    assert_eq!(options.outputs.len(), 2);
    assert!(options.finish && !options.preflight);
    let options = wrap(
        &["--step", "typed", "--output", "x", "--", "true"],
        &environment,
    );
    assert_eq!(options.common.step.as_str(), "typed");
    assert_eq!(options.outputs.len(), 1);
}

#[test]
fn finish_needs_no_step_name_and_accepts_no_command() {
    let Ok(Invocation::Finish(options)) = parse_all(&["finish"], &[]) else {
        panic!("not a finish");
    };
    assert_eq!(options.step.as_str(), path::FINISH_STEP);
    assert!(refused(&["finish", "--", "true"]).contains("--finish"));
}

#[test]
fn an_address_is_a_socket_or_a_literal_ip() {
    let read = |text: &str| address(OsString::from(text)).map(|address| address.to_string());
    assert_eq!(read("unix:/a b").as_deref(), Ok("unix:/a b"));
    assert_eq!(read("unix:///a").as_deref(), Ok("unix:/a"));
    assert_eq!(read("http://[::1]:80/").as_deref(), Ok("http://[::1]:80"));
    for wrong in [
        "",
        "unix:",
        "/a",
        "http://sidecar:80",
        "http://127.0.0.1",
        "https://127.0.0.1:1",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(read(&format!("unix:/{}", "x".repeat(107))).is_err());
}

#[test]
fn errors_name_the_invalid_argument() {
    assert!(refused(&["--stpe", "a", "--", "true"]).starts_with("unexpected argument '--stpe'"));
    assert!(refused(&["--step", "A", "--", "true"]).starts_with("--step: 'A' is not a valid name"));
    assert!(refused(&["--step"]).starts_with("--step requires a value"));
    assert!(refused(&["--step", "a"]).starts_with("missing command"));
    assert!(refused(&["--step", "a", "--"]).starts_with("missing command"));
    assert!(refused(&["--", "true"]).contains("GLEANER_STEP"));
    assert!(
        refused(&["--step=a", "--output=x", "--output=x", "--", "y"])
            .contains("duplicate output 'x'")
    );
    assert!(
        refused(&["--step=a", "--finish=maybe", "--", "y"])
            .contains("invalid boolean 'maybe': use true or false")
    );
}

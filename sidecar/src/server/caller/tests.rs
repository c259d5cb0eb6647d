use super::*;

#[test]
fn only_localhost_and_ip_addresses_are_local() {
    for host in [
        "localhost",
        "LOCALHOST:8440",
        "127.0.0.1:8440",
        "[::1]:8440",
        "[::1]",
        "::1",
    ] {
        assert!(is_local(host), "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8440",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "",
    ] {
        assert!(!is_local(host), "{host}");
    }
}

#[test]
fn each_token_identifies_one_step() {
    let steps = ["a", "b"].map(|step| StepName::new(step).unwrap());
    let tokens = Tokens::generate(steps.iter()).unwrap();
    for (step, token) in tokens.iter() {
        assert_eq!(token.len(), 64);
        assert_eq!(tokens.step(token), Some(step));
    }
    assert_eq!(tokens.step(""), None);
    assert_eq!(tokens.step(&"0".repeat(64)), None);
}

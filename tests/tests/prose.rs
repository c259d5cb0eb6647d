//! Tests `scripts/prose --check` with the files in `tests/fixtures/prose`. The script must refuse some of these files and accept
//! the others.

use std::path::{Path, PathBuf};
use std::process::Command;

const FIXTURES: &str = "tests/fixtures/prose";

fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("tests/ is in the workspace").to_owned()
}

fn fixture(name: &str) -> String {
    let path = repository().join(FIXTURES).join(name);
    std::fs::read_to_string(path).expect("a fixture")
}

/// Runs the script on these fixtures, and returns the exit code and the findings, each in the form `FILE:LINE: FOUND`.
fn check(names: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = Command::new(repository().join("scripts/prose"))
        .arg("--check")
        .args(names.iter().map(|name| format!("{FIXTURES}/{name}")))
        .current_dir(repository())
        .output()
        .expect("the script should run; it requires python3");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let findings = printed
        .lines()
        .filter_map(|line| line.strip_prefix(FIXTURES)?.split_once(" ["))
        .map(|(place, found)| {
            let found = found.split([':', ']']).next().unwrap_or_default();
            format!("{} {found}", &place[1..])
        });
    let mut findings: Vec<String> = findings.collect();
    findings.sort();
    (output.status.code(), findings)
}

#[test]
fn each_idiom_and_each_empty_opening_is_found_at_its_line() {
    let (code, findings) = check(&["bad.rs", "bad.md", "bad.yaml", "bad.sh", "bad.py"]);
    let expected = fixture("expected.txt");
    assert_eq!(findings, expected.lines().collect::<Vec<_>>());
    assert_eq!(code, Some(1));
}

#[test]
fn a_single_kind_of_finding_fails_the_check() {
    for name in ["openings.rs", "bad.sh"] {
        assert_eq!(check(&[name]).0, Some(1), "{name}");
    }
}

#[test]
fn every_term_of_the_table_is_found() {
    let (code, findings) = check(&["before.md"]);
    let lines = fixture("before.md").lines().count();
    let found: Vec<String> = findings
        .iter()
        .filter_map(|finding| Some(finding.split(' ').next()?.to_owned()))
        .collect();
    let missing: Vec<String> = (1..=lines)
        .map(|line| format!("before.md:{line}:"))
        .filter(|place| !found.contains(place))
        .collect();
    assert!(lines > 40 && missing.is_empty(), "{missing:?}");
    assert_eq!(code, Some(1));
}

#[test]
fn plain_english_and_code_cause_no_findings() {
    assert_eq!(check(&["after.md", "clean.rs"]), (Some(0), Vec::new()));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    for name in ["nowhere.md", "../../../Cargo.lock"] {
        assert_eq!(check(&[name]).0, Some(2), "{name}");
    }
}

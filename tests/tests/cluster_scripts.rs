//! The scripts in `tests/cluster` refuse a state directory that they did not create.

use std::path::Path;
use std::process::Command;

use gleaner_tests::cluster::start::repository;

/// Runs a script with this state directory, and returns its exit code and its standard error.
fn run(script: &str, state: &Path) -> (Option<i32>, String) {
    let output = Command::new(repository("tests/cluster").join(script))
        .env("GLEANER_CLUSTER_DIR", state)
        .output()
        .expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_directory_without_the_marker_is_refused_and_not_changed() {
    let state = tempfile::tempdir().expect("a directory");
    let file = state.path().join("file");
    std::fs::write(&file, "").expect("a file");
    for script in ["up", "down"] {
        let (code, said) = run(script, state.path());
        assert_eq!(code, Some(1), "{script}: {said}");
        let words = [&*state.path().to_string_lossy(), "has no .gleaner-cluster"];
        for words in words {
            assert!(
                said.contains(words),
                "{script} should print {words:?}: {said:?}"
            );
        }
        assert!(file.exists(), "{script}");
    }
}

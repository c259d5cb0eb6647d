//! Checks that each test named in the documentation exists, and that a test follows each page that contains commands for a
//! cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pages that contain the name of a test for each promise or defense.
const PAGES: [&str; 2] = ["docs/reliability.md", "docs/security.md"];
/// Directories that do not contain the project's code.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("tests/ is in the workspace").to_owned()
}

/// Returns the names of all functions in the project's Rust files.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut directories = vec![workspace()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !SKIPPED.contains(&name.as_ref()) {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                names.extend(text.split("fn ").skip(1).map(|rest| {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    rest[..end.unwrap_or(rest.len())].to_owned()
                }));
            }
        }
    }
    names
}

/// Returns the test names in a page. A test name is a string in backticks that contains only lower-case letters, digits and at
/// least three underscores.
fn named(page: &str) -> Vec<String> {
    let words = page.split('`').skip(1).step_by(2);
    let is_test = |word: &&str| {
        word.matches('_').count() >= 3
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    words.filter(is_test).map(str::to_owned).collect()
}

#[test]
fn every_test_that_a_page_names_exists() {
    let functions = functions();
    for page in PAGES {
        let text = fs::read_to_string(workspace().join(page)).expect("a page");
        let named = named(&text);
        assert!(named.len() > 20, "{page} names {} tests", named.len());
        let missing: Vec<_> = named
            .iter()
            .filter(|name| !functions.contains(*name))
            .collect();
        assert!(
            missing.is_empty(),
            "{page} names tests that do not exist: {missing:?}"
        );
    }
}

/// Each promise is a table row that begins with its number, such as `E1`.
#[test]
fn every_promise_names_a_test() {
    let page = fs::read_to_string(workspace().join("docs/reliability.md")).expect("a page");
    let promises: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| E"))
        .collect();
    assert_eq!(promises.len(), 15);
    for promise in promises {
        assert!(!named(promise).is_empty(), "{promise}");
    }
}

/// The commands in a block with the language `sh,cluster` need a cluster or a release, so `cli/tests` does not execute them.
#[test]
fn every_page_with_commands_for_a_cluster_is_followed() {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).unwrap();
    let followers = read("tests/tests/cluster/guides.rs") + &read("scripts/release-check");
    let mut count = 0;
    for directory in ["tutorials", "how-to"] {
        for entry in fs::read_dir(workspace().join("docs").join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if !fs::read_to_string(&path)
                .unwrap()
                .contains("\n```sh,cluster\n")
            {
                continue;
            }
            let page = format!(
                "{directory}/{}",
                path.file_name().unwrap().to_str().unwrap()
            );
            assert!(followers.contains(&page), "no test follows docs/{page}");
            count += 1;
        }
    }
    assert!(count >= 9, "{count}");
}

//! Checks which crates each crate depends on, and which parts of the standard library each crate uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The workspace's crates except the test crates, each with the other workspace crates on which it may depend.
const ARROWS: [(&str, &[&str]); 11] = [
    ("gleaner-proto", &[]),
    ("gleaner-termination", &[]),
    ("gleaner-core", &["gleaner-proto", "gleaner-termination"]),
    ("gleaner-runtime", &["gleaner-proto"]),
    (
        "gleaner-submission",
        &["gleaner-core", "gleaner-proto", "gleaner-runtime"],
    ),
    ("gleaner-translate", &["gleaner-core", "gleaner-proto"]),
    ("gleaner-local-apiserver", &[]),
    (
        "gleaner-redirector",
        &["gleaner-proto", "gleaner-termination"],
    ),
    (
        "gleaner-sidecar",
        &[
            "gleaner-core",
            "gleaner-proto",
            "gleaner-runtime",
            "gleaner-submission",
            "gleaner-termination",
        ],
    ),
    (
        "gleaner-injector",
        &["gleaner-core", "gleaner-proto", "gleaner-runtime"],
    ),
    (
        // This crate contains the redirector and the sidecar as subcommands.
        "gleaner",
        &[
            "gleaner-core",
            "gleaner-local-apiserver",
            "gleaner-proto",
            "gleaner-redirector",
            "gleaner-runtime",
            "gleaner-sidecar",
            "gleaner-translate",
        ],
    ),
];

/// Some of the workspace's crates, each with crates on which it must not depend, even indirectly.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    (
        "gleaner-proto",
        &[
            "clap",
            "hyper",
            "kube",
            "schemars",
            "serde-saphyr",
            "tokio",
            "tracing",
        ],
    ),
    (
        "gleaner-core",
        &[
            "axum", "clap", "hyper", "kube", "reqwest", "rustls", "tokio",
        ],
    ),
    (
        "gleaner-redirector",
        &[
            "clap",
            "gleaner-core",
            "hyper",
            "k8s-openapi",
            "kube",
            "rustls",
            "serde-saphyr",
            "tokio",
        ],
    ),
    (
        "gleaner-translate",
        &["anstream", "clap", "hyper", "kube", "tokio"],
    ),
];

fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("tests/ is in the workspace").to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace())
        .args(arguments)
        .arg("--offline");
    let output = command.output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

#[test]
fn each_crate_depends_only_on_the_allowed_crates() {
    let packages = packages();
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        if name == "gleaner-tests" || name == "gleaner-testkit" {
            continue;
        }
        let allowed = ARROWS.iter().find(|(package, _)| *package == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is not in ARROWS"));
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for dependency in dependencies {
            let other = dependency["name"].as_str().expect("a name");
            let is_own = other == "gleaner" || other.starts_with("gleaner-");
            if is_own && dependency["kind"].is_null() {
                assert!(allowed.contains(&other), "{name} depends on {other}");
            }
        }
    }
    let names: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for (name, _) in ARROWS {
        assert!(
            names.contains(name),
            "{name} is in ARROWS but does not exist"
        );
    }
}

#[test]
fn no_crate_depends_on_a_forbidden_crate() {
    for (package, forbidden) in FORBIDDEN {
        let tree = cargo(&[
            "tree",
            "-p",
            package,
            "-e",
            "normal,no-proc-macro",
            "--prefix",
            "none",
        ]);
        let reached: BTreeSet<&str> = tree
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert!(
            reached.contains("serde"),
            "{package}: cannot read the tree: {tree}"
        );
        for name in forbidden {
            assert!(!reached.contains(name), "{package} depends on {name}");
        }
    }
}

/// The packages that only `gleaner run` needs. They must be dependencies only on Linux, because `gleaner run` is not available on
/// macOS and Windows.
const LINUX: [&str; 4] = [
    "gleaner-local-apiserver",
    "gleaner-redirector",
    "gleaner-sidecar",
    "rustix",
];

#[test]
fn only_gleaner_run_requires_linux() {
    let packages = packages();
    let mut packages = packages.iter();
    let command = packages.find(|package| package["name"] == "gleaner");
    let dependencies = command.expect("gleaner")["dependencies"].as_array();
    let mut found = BTreeSet::new();
    for dependency in dependencies.expect("dependencies") {
        let name = dependency["name"].as_str().expect("a name");
        if LINUX.contains(&name) {
            assert_eq!(dependency["target"], "cfg(target_os = \"linux\")", "{name}");
            found.insert(name);
        }
    }
    assert_eq!(found, BTreeSet::from(LINUX));
    // Outside the following modules, the crates `cli`, `runtime` and `termination` must also compile on macOS and Windows.
    let gated = [
        "cli/src/carried.rs",
        "cli/src/run",
        "cli/src/run.rs",
        "runtime/src/http",
        "runtime/src/http.rs",
        "runtime/src/program/long_running.rs",
        "runtime/src/shutdown.rs",
    ];
    let gated = gated.map(|path| workspace().join(path));
    for path in sources(&["cli/src", "runtime/src", "termination/src"]) {
        if gated.iter().any(|gated| path.starts_with(gated)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        for unix in ["std::os::", "tokio::signal", "UnixStream", "rustix::"] {
            assert!(!text.contains(unix), "{}: {unix}", path.display());
        }
    }
}

/// Returns the source files in these directories and their subdirectories.
fn sources(directories: &[&str]) -> Vec<PathBuf> {
    let mut left: Vec<_> = directories
        .iter()
        .map(|directory| workspace().join(directory))
        .collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    assert!(found.len() > 20, "only {} files were found", found.len());
    found
}

#[test]
fn the_crate_proto_has_no_features() {
    let packages = packages();
    let proto = packages
        .iter()
        .find(|package| package["name"] == "gleaner-proto");
    let features = proto.expect("gleaner-proto")["features"].as_object();
    assert_eq!(features.map(serde_json::Map::len), Some(0));
}

#[test]
fn proto_core_and_translate_do_no_io() {
    const EFFECTS: [&str; 6] = [
        "std::env",
        "std::fs",
        "std::net",
        "std::os",
        "std::process",
        "std::thread",
    ];
    let mut read = 0;
    for path in sources(&["proto/src", "core/src", "translate/src"]) {
        let text = std::fs::read_to_string(&path).expect("a source file");
        // Tests may use all of the standard library, for example to read fixtures.
        let is_test =
            path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for effect in EFFECTS.iter().filter(|_| !is_test) {
            assert!(!code.contains(effect), "{}: {effect}", path.display());
        }
        read += 1;
    }
    assert!(read > 50, "only {read} files were read");
}

//! Tests the directories of `examples/`: each has a README, passes `gleaner lint`, and creates the expected objects when run.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::support::{Ran, gleaner, repository};
use serde_json::Value;

/// The objects that the command in each directory's README creates, by kind and name. `*` matches a derived suffix.
const EXPECTED: [(&str, &[(&str, &str)]); 8] = [
    (
        "chart-release",
        &[("OCIRepository", "shop"), ("HelmRelease", "shop")],
    ),
    (
        "image-list",
        &[("ConfigMap", "images-*"), ("Job", "sign-images-*")],
    ),
    (
        "image-to-deployment",
        &[("ConfigMap", "app-release-*"), ("Deployment", "app")],
    ),
    ("knative-service", &[("Service", "shop")]),
    ("manual-approval", &[("ConfigMap", "release-*")]),
    (
        "preview-environment",
        &[
            ("Secret", "preview-42-*"),
            ("Deployment", "preview-42-*"),
            ("Service", "preview-42-*"),
        ],
    ),
    (
        "sbom-reference",
        &[
            ("PipelineResource", "build-with-sbom-image-*"),
            ("PipelineResource", "build-with-sbom-storage-*"),
            ("ConfigMap", "sbom-*"),
        ],
    ),
    ("test-report", &[("ConfigMap", "test-report-*")]),
];

/// Directories that this suite does not test: `crds` contains only shared CRDs, and `kustomize` is tested by the suites
/// `outputs_file` and `yaml_readers`.
const OTHERS: [&str; 2] = ["crds", "kustomize"];

fn examples() -> PathBuf {
    repository().join("examples")
}

/// Returns the names of all example directories.
fn directories() -> BTreeSet<String> {
    let entries = fs::read_dir(examples()).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let names = directories.map(|entry| entry.file_name().into_string().unwrap());
    names
        .filter(|name| !OTHERS.contains(&name.as_str()))
        .collect()
}

fn readme(name: &str) -> String {
    let path = examples().join(name).join("README.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the example's command, which is the only line in its README that begins with `gleaner run`.
fn command(name: &str) -> String {
    let page = readme(name);
    let mut lines = page.lines().filter(|line| line.starts_with("gleaner run "));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("{name}/README.md has no line `gleaner run`"));
    assert_eq!(lines.next(), None, "{name}/README.md");
    line.to_owned()
}

/// Runs a command line that begins with `gleaner`.
fn run_line(line: &str) -> Ran {
    gleaner(&line.split(' ').skip(1).collect::<Vec<_>>())
}

/// Runs the example's command with `arguments` added at the end.
fn run(name: &str, arguments: &str) -> Ran {
    run_line(format!("{} {arguments}", command(name)).trim_end())
}

/// Returns the path of the file that the example's command runs.
fn document(name: &str) -> String {
    command(name).split(' ').nth(3).unwrap().to_owned()
}

/// Returns true if `name` equals `expected`. A trailing `*` in `expected` matches a derived suffix of 5 characters.
fn is_named(name: &str, expected: &str) -> bool {
    match expected.strip_suffix('*') {
        Some(prefix) => name.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == 5 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        None => name == expected,
    }
}

#[track_caller]
fn assert_created(example: &str, objects: &[Value], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = objects
        .iter()
        .map(|object| {
            (
                object["kind"].as_str().unwrap(),
                object["metadata"]["name"].as_str().unwrap(),
            )
        })
        .collect();
    let matches = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| found.0 == expected.0 && is_named(found.1, expected.1));
    assert!(matches, "{example} created {found:?}, not {expected:?}");
}

#[test]
fn every_directory_has_expected_objects_and_every_expectation_has_a_directory() {
    let expected: BTreeSet<String> = EXPECTED.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(directories(), expected);
}

#[test]
fn every_readme_describes_how_to_run_and_change_the_example() {
    let index = readme("");
    for name in directories() {
        let page = readme(&name);
        for heading in [
            "# ",
            "\n## On a laptop\n",
            "\n## On a cluster\n",
            "\n## What to change\n",
        ] {
            assert!(page.contains(heading), "{name}/README.md lacks {heading:?}");
        }
        assert!(index.contains(&format!("]({name}/README.md)")), "{name}");
    }
}

#[test]
fn every_example_begins_with_the_command_of_its_readme_and_marks_what_it_simulates() {
    for name in directories() {
        let (command, path) = (command(&name), document(&name));
        let text = fs::read_to_string(repository().join(&path)).unwrap();
        assert_eq!(text.lines().next(), Some(format!("# {command}").as_str()));
        assert!(text.contains("# SIMULATED"), "{path}");
    }
}

#[test]
fn every_example_passes_lint_without_a_warning() {
    for name in directories() {
        let linted = gleaner(&["lint", "--strict", "-f", &document(&name)]);
        assert_eq!((linted.code, linted.stdout.as_str()), (0, ""), "{linted:?}");
    }
}

#[test]
fn every_example_creates_the_expected_objects() {
    for (name, expected) in EXPECTED {
        let ran = run(name, "");
        assert_created(name, &ran.exits(0).objects(), expected);
    }
}

#[test]
fn the_deployment_runs_the_image_that_was_built() {
    let objects = run("image-to-deployment", "").exits(0).objects();
    let digest = objects[0]["data"]["digest"].as_str().unwrap();
    let container = &objects[1]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("registry.example/app@{digest}"));
    assert_eq!(
        container["envFrom"][0]["configMapRef"]["name"],
        objects[0]["metadata"]["name"]
    );
}

#[test]
fn the_report_of_failed_tests_is_kept() {
    let ran = run("test-report", "-p failed=1");
    let report = ran.exits(1).object();
    let expected = [("ConfigMap", "test-report-*")];
    assert_created("test-report", std::slice::from_ref(&report), &expected);
    assert_eq!(report["metadata"]["labels"]["example.com/result"], "failed");
    assert_eq!(report["data"]["failed"], "1");
    let junit = report["data"]["junit.xml"].as_str().unwrap();
    assert!(junit.contains("failures=\"1\""), "{junit}");
}

#[test]
fn the_name_of_the_preview_secret_reaches_the_pods_and_the_next_task() {
    let ran = run("preview-environment", "");
    let objects = ran.exits(0).objects();
    let secret = objects[0]["metadata"]["name"].as_str().unwrap();
    assert_eq!(objects[0]["stringData"]["password"], "(secret)");
    let container = &objects[1]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["env"][0]["valueFrom"]["secretKeyRef"]["name"],
        secret
    );
    ran.says(&format!("with the password of the Secret {secret}"));
    for object in &objects {
        assert_eq!(
            object["metadata"]["ownerReferences"][0]["kind"], "PipelineRun",
            "{object}"
        );
    }
}

#[test]
fn the_images_in_the_list_become_arguments() {
    let objects = run("image-list", "-p components=web,api")
        .exits(0)
        .objects();
    let list: Vec<String> =
        serde_json::from_str(objects[0]["data"]["images.json"].as_str().unwrap()).unwrap();
    let arguments = objects[1]["spec"]["template"]["spec"]["containers"][0]["args"]
        .as_array()
        .unwrap();
    assert_eq!(arguments.len(), 4 + 2, "{arguments:?}");
    assert_eq!(arguments[4..], list);
}

#[test]
fn a_rejected_release_creates_nothing() {
    let approved = run("manual-approval", "").exits(0).object();
    let annotations = &approved["metadata"]["annotations"];
    assert_eq!(annotations["example.com/approved-by"], "me");
    let rejected = run_line(&command("manual-approval").replace("approval=me", "approval=no"));
    rejected.exits(1).says("the release was rejected");
    assert_eq!(rejected.stdout, "");
}

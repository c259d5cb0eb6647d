//! Tests the files in `examples/kustomize`, where the declaration is in a separate file. A suite in `tests/` also runs kustomize.

use crate::support::{gleaner_with_input, repository};
use gleaner_core::document::yaml;

/// Returns the content of a file in `examples/kustomize`.
fn text(name: &str) -> String {
    let path = repository().join("examples/kustomize").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_file_is_valid_as_the_annotation_of_its_task() {
    let mut task = yaml::parse(&text("task.yaml")).unwrap().to_json();
    task["metadata"]["annotations"]["gleaner.dev/outputs"] = text("outputs.yaml").into();
    let task = task.to_string();
    let lint = gleaner_with_input(&["lint", "--strict", "-f", "-"], &task);
    lint.exits(0);
    assert_eq!(lint.stdout, "");
    let run = gleaner_with_input(&["run", "-f", "-"], &task);
    run.exits(0);
    let digest = run.object()["data"]["digest"].clone();
    assert!(digest.as_str().unwrap().starts_with("sha256:"), "{digest}");
}

#[test]
fn the_file_alone_is_checked_without_its_task() {
    let outputs = text("outputs.yaml");
    let lint = |text: &str| gleaner_with_input(&["lint", "--strict", "-f", "-"], text);
    let passes = lint(&outputs);
    passes.exits(0);
    assert_eq!(passes.stdout, "");
    for (from, to, expected) in [
        (
            "$(steps.build.digest)",
            "v-$(steps.build.digset)",
            "<stdin>:13:19: error: objects[0].resourceTemplate.data.digest: the step 'build' declares no output 'digset'; did you",
        ),
        (
            "^sha256:[",
            "$(params.x)[",
            "<stdin>:5:16: error: steps.build[0].pattern: ",
        ),
        (
            "kind: ConfigMap",
            "kind: ConfgMap",
            "<stdin>:10:13: error: objects[0].resourceTemplate.kind: ",
        ),
        (
            "      pattern:",
            "      patern:",
            "<stdin>:5:7: error: steps.build[0].patern: unknown field 'patern'; did you mean 'pattern'?",
        ),
        (
            "$(steps.build.digest)",
            "none",
            "<stdin>:4:7: warning: steps.build[0]: no template uses the output 'build.digest'",
        ),
    ] {
        let ran = lint(&outputs.replace(from, to));
        ran.exits(1);
        assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    }
    // These documents are similar to a declaration, but are not treated as a declaration.
    for other in [
        "steps: []\nname: x\n",
        "steps: [{script: x}]\n",
        "resources: [task.yaml]\n",
        "steps: {a: []}\nname: x\n",
        "kind: ConfigMap\napiVersion: v1\n",
    ] {
        let ran = lint(other);
        ran.exits(0);
        assert!(
            ran.stdout.contains("note: nothing in this file declares"),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn the_file_names_its_schema_for_editors() {
    let outputs = text("outputs.yaml");
    let line = outputs.lines().next().unwrap();
    let schema = line
        .strip_prefix("# yaml-language-server: $schema=")
        .unwrap();
    let path = repository().join("examples/kustomize").join(schema);
    let documented = repository().join("docs/schemas/outputs.json");
    assert_eq!(
        path.canonicalize().unwrap(),
        documented.canonicalize().unwrap()
    );
}

//! Tests `gleaner translate`, which converts documents in the proposal's syntax or for old Tekton versions to Tekton v1.

use crate::support::{self, file, gleaner, gleaner_with_input, repository};
use gleaner_core::document::yaml;
use serde_json::json;

const PROPOSAL: &str = "examples/build-and-test.yaml";

#[test]
fn the_proposals_documents_become_tekton_v1() {
    let ran = gleaner(&["translate", "-f", PROPOSAL]);
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn lint_and_render_accept_translated_documents() {
    let translated = gleaner(&["translate", "-f", PROPOSAL]).stdout;
    let linted = gleaner_with_input(&["lint", "-f", "-"], &translated);
    linted.exits(0);
    assert_eq!((linted.stdout.as_str(), linted.stderr.as_str()), ("", ""));
    let values = ["-p", "imageUrl=x", "--output", "kaniko.digest=sha256:1"];
    let task = ["--task", "build-and-push"];
    let before = gleaner(&[&["render", "-f", PROPOSAL], &task[..], &values].concat());
    let after = gleaner_with_input(
        &[&["render", "-f", "-"], &task[..], &values].concat(),
        &translated,
    );
    after.exits(0);
    assert_eq!(after.object(), before.object());
}

#[test]
fn references_between_files_are_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let run = "apiVersion: tekton.dev/v1alpha1\nkind: TaskRun\nmetadata: {name: r}\nspec:\n  taskRef: {name: t}\n  \
               resources: [{name: img, resourceRef: {name: mine}}]\n";
    let task = "apiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {name: t}\nspec:\n  resources: [{name: img, type: image}]\n  \
                steps: [{image: \"$(resources.img.url)\"}]\n";
    let resource = "apiVersion: tekton.dev/v1alpha1\nkind: PipelineResource\nmetadata: {name: mine}\nspec:\n  type: image\n  \
                    params: [{name: URL, value: a/b}]\n";
    let files = [("run", run), ("task", task), ("resource", resource)]
        .map(|(name, text)| file(folder.path(), name, text));
    let mut arguments = vec!["translate", "-f"];
    arguments.extend(files.iter().map(String::as_str));
    let ran = gleaner(&arguments);
    ran.exits(0);
    let objects = ran.objects();
    assert_eq!(
        objects[0]["spec"],
        json!({
            "taskRef": {"name": "t"},
            "params": [{"name": "img", "value": {"name": "mine", "url": "a/b", "digest": ""}}],
        })
    );
    assert_eq!(objects[1]["spec"]["steps"][0]["image"], "$(params.img.url)");
    // If no file contains the resource, the message suggests adding its file or reading the resource from a cluster.
    let ran = gleaner(&arguments[..4]);
    ran.exits(78)
        .says("run:6:47: error: spec.resources[0].resourceRef.name: PipelineResource 'mine' not found in the files; add its file with -f, or read it from a cluster with --context NAME");
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_command_line_sets_the_image_of_the_clone_step() {
    let ran = gleaner(&["translate", "-f", PROPOSAL, "--git-image", "git:1"]);
    ran.exits(0);
    assert_eq!(ran.objects()[0]["spec"]["steps"][0]["image"], "git:1");
}

#[test]
fn a_missing_file_is_a_usage_error() {
    gleaner(&["translate", "-f", "no-such-file.yaml"])
        .exits(64)
        .says("no-such-file.yaml: error: cannot be read");
}

#[test]
fn pipeline_resources_are_omitted_on_request() {
    let kinds = |arguments: &[&str]| {
        let ran = gleaner(&[&["translate", "-f", PROPOSAL], arguments].concat());
        let kinds = ran.objects().into_iter();
        kinds
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let with = [
        "Task",
        "Task",
        "Pipeline",
        "PipelineResource",
        "PipelineRun",
    ];
    assert_eq!(kinds(&[]), with);
    let without = ["Task", "Task", "Pipeline", "PipelineRun"];
    assert_eq!(kinds(&["--no-resources"]), without);
}

#[test]
fn json_output_is_a_list() {
    let ran = gleaner(&["translate", "-f", PROPOSAL, "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list["kind"], "List");
    assert_eq!(
        list["items"].as_array().unwrap(),
        &gleaner(&["translate", "-f", PROPOSAL]).objects()
    );
}

#[test]
fn every_example_can_be_translated_and_native_ones_stay_unchanged() {
    let mut native = 0;
    for entry in std::fs::read_dir(repository().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let path = path.to_str().unwrap();
        if !path.ends_with(".yaml") {
            continue;
        }
        let ran = gleaner(&["translate", "-f", path]);
        ran.exits(0);
        let text = std::fs::read_to_string(path).unwrap();
        if !text.contains("/v1alpha1") && !text.contains("/v1beta1") {
            native += 1;
            let documents = yaml::parse_documents(&text).unwrap();
            let documents: Vec<_> = documents
                .iter()
                .map(gleaner_core::document::Node::to_json)
                .collect();
            assert_eq!(ran.objects(), documents, "{path}");
        }
        let linted = gleaner_with_input(&["lint", "-f", "-"], &ran.stdout);
        linted.exits(0);
        assert_eq!(linted.stdout, "", "{path}");
        gleaner_with_input(&["inject", "-f", "-", "--image", "i"], &ran.stdout).exits(0);
    }
    assert!(native >= 4, "{native}");
}

#[test]
fn the_warnings_of_the_webhook_are_printed_with_the_positions_of_the_originals() {
    let declaration = "
steps: {one: [{name: a}, {name: b}]}
objects: [{name: c, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {a: \"$(steps.one.a) {{ x }}\"}}}]
";
    let spec = "steps: [{name: one, image: i, script: x}]";
    let annotated = support::task(declaration, spec);
    let lint = gleaner_with_input(&["lint", "-f", "-"], &annotated).stdout;
    assert_eq!(lint.lines().count(), 2, "{lint}");
    for text in [
        annotated.clone(),
        annotated.replace("tekton.dev/v1", "tekton.dev/v1beta1"),
    ] {
        let ran = gleaner_with_input(&["translate", "-f", "-"], &text);
        ran.exits(0);
        assert_eq!(ran.stderr, lint);
        // `inject` and `render` print the same warnings.
        let inject = ["inject", "-f", "-", "--image", "i"];
        assert_eq!(gleaner_with_input(&inject, &text).stderr, lint);
        let values = ["--output", "one.a=1", "--output", "one.b=1"];
        let render = gleaner_with_input(&[&["render", "-f", "-"], &values[..]].concat(), &text);
        assert_eq!(render.stderr, lint);
    }
    let proposal = "apiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps: [{name: one, image: i, outputs: \
                    [{name: a}, {name: b}]}]\n  outputs: {objects: [{name: c, resourceTemplate: {apiVersion: v1, kind: ConfigMap, \
                    data: {a: $(steps.one.a)}}}]}\n";
    let ran = gleaner_with_input(&["translate", "-f", "-"], proposal);
    ran.exits(0);
    assert_eq!(
        ran.stderr,
        "<stdin>:5:54: warning: spec.steps[0].outputs[1]: no template uses the output 'one.b'; use it as $(steps.one.b) in resources or objects, or \
         remove it\n"
    );
}

#[test]
fn a_finding_contains_its_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let first = file(
        folder.path(),
        "a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
    );
    let declaration = "steps: {one: [{name: a}, {name: b}]}\nobjects: [{name: c, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {a: $(steps.one.a)}}}]";
    let text = support::task(declaration, "steps: [{name: one, image: i, script: x}]");
    let second = file(folder.path(), "b.yaml", &text);
    let ran = gleaner(&["translate", "-f", &first, &second]);
    ran.exits(0);
    let begin = format!("{second}:7:");
    assert!(ran.stderr.starts_with(&begin), "{ran:?}");
}

#[test]
fn two_documents_with_the_same_name_are_an_error_with_both_positions() {
    let task = "apiVersion: tekton.dev/VERSION\nkind: Task\nmetadata: {name: t}\nspec: {steps: [{image: i}]}\n";
    let old = task.replace("VERSION", "v1beta1");
    let text = format!("{old}---\n{}", task.replace("VERSION", "v1"));
    let ran = gleaner_with_input(&["translate", "-f", "-"], &text);
    ran.exits(78);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (
            "",
            "<stdin>:6:1: error: duplicate Task 't', also at <stdin>:1:1; rename or remove one of them\n"
        )
    );
    let resource = "apiVersion: tekton.dev/v1alpha1\nkind: PipelineResource\nmetadata: {name: r}\nspec: {type: git}\n";
    gleaner_with_input(
        &["translate", "-f", "-"],
        &format!("{resource}---\n{resource}"),
    )
    .exits(78)
    .says("duplicate PipelineResource 'r', also at <stdin>:1:1");
}

#[test]
fn a_file_without_documents_is_an_error() {
    let ran = gleaner_with_input(&["translate", "-f", "-"], "# a comment\n");
    ran.exits(66);
    assert_eq!(
        ran.stderr,
        "<stdin>: error: the file contains no documents; pass a file with Kubernetes objects\n"
    );
}

#[test]
fn a_finding_about_the_translation_has_the_position_of_the_original() {
    let task = "apiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  - {image: i, args: [a, $(inputs.params.nope)]}\n";
    gleaner_with_input(&["translate", "-f", "-"], task)
        .exits(78)
        .says("<stdin>:6:26: error: spec.steps[0].args[1]: `$(params.nope)`: the Task has no parameter 'nope'");
}

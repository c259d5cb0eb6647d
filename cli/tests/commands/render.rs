//! Tests `gleaner render`, which prints only YAML to standard output.

use crate::support::{self, file, gleaner, gleaner_with_input};
use serde_json::json;

const PROPOSAL: &str = "examples/build-and-test.yaml";
const URL: &str = "docker.io/chhsiao/knative-route-demo";
const DIGEST: &str = "sha256:54eda95dcc205717e35f96a257b6aab16b9817870ede5739ef739484a27b8678";

#[test]
fn the_proposals_task_renders_the_proposals_resource() {
    let url = format!("imageUrl={URL}");
    let digest = format!("kaniko.digest={DIGEST}");
    let ran = gleaner(&["render", "-f", PROPOSAL, "-p", &url, "--output", &digest]);
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    let object = ran.object();
    assert_eq!(object["apiVersion"], "tekton.dev/v1alpha1");
    assert_eq!(object["kind"], "PipelineResource");
    assert_eq!(object["metadata"]["generateName"], "build-and-push-image-");
    assert_eq!(
        object["metadata"]["labels"]["tekton.dev/task"],
        "build-and-push"
    );
    let params = json!([{"name": "url", "value": URL}, {"name": "digest", "value": DIGEST}]);
    assert_eq!(object["spec"], json!({"type": "image", "params": params}));
}

#[test]
fn names_are_derived_from_a_given_run() {
    let digest = format!("kaniko.digest={DIGEST}");
    let run = [
        "--variable",
        "taskRun.name=build-and-push-run",
        "--variable",
        "taskRun.uid=u",
    ];
    let mut arguments = vec![
        "render",
        "-f",
        PROPOSAL,
        "-p",
        "imageUrl=x",
        "--output",
        &digest,
        "-o",
        "json",
    ];
    arguments.extend(run);
    let object: serde_json::Value = serde_json::from_str(&gleaner(&arguments).stdout).unwrap();
    let name = object["metadata"]["name"].as_str().unwrap();
    assert!(
        name.starts_with("build-and-push-image-")
            && name.len() == "build-and-push-image-".len() + 5,
        "{name}"
    );
    assert_eq!(
        object["metadata"]["labels"]["tekton.dev/taskrun"],
        "build-and-push-run"
    );
    assert_eq!(object["metadata"]["ownerReferences"][0]["kind"], "TaskRun");
}

#[test]
fn each_missing_variable_is_reported_with_its_flag() {
    let ran = gleaner(&["render", "-f", PROPOSAL]);
    ran.exits(1)
        .says("$(params.imageUrl) has no value; set it with -p imageUrl=VALUE\n")
        .says("$(steps.kaniko.digest) has no value; set it with --output kaniko.digest=VALUE or --output-file kaniko.digest=PATH\n");
    assert_eq!(ran.stdout, "");
}

#[test]
fn an_output_file_is_read_as_in_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let digest = format!(
        "kaniko.digest={}",
        file(folder.path(), "digest", "sha256:1\n")
    );
    let ran = gleaner(&[
        "render",
        "-f",
        PROPOSAL,
        "-p",
        "imageUrl=no",
        "--output-file",
        &digest,
    ]);
    let params = json!([{"name": "url", "value": "no"}, {"name": "digest", "value": "sha256:1"}]);
    assert_eq!(ran.object()["spec"]["params"], params);
}

/// PowerShell writes UTF-8 with a byte order mark if `-Encoding utf8` is set, and UTF-16 otherwise.
#[test]
fn a_byte_order_mark_is_accepted_and_utf16_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let task = std::fs::read_to_string(support::repository().join(PROPOSAL)).unwrap();
    let task = path("task.yaml", format!("\u{feff}{task}").as_bytes());
    let params = path("params.yaml", "\u{feff}imageUrl: hub\r\n".as_bytes());
    let digest = path("digest", "\u{feff}sha256:1\r\n".as_bytes());
    let wide = |text: &str| -> Vec<u8> {
        let text = format!("\u{feff}{text}");
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let wide = path("wide", &wide("imageUrl: hub\r\n"));
    let render = |task: &str, params: &str, digest: &str| {
        let digest = format!("kaniko.digest={digest}");
        gleaner(&[
            "render",
            "-f",
            task,
            "--param-file",
            params,
            "--output-file",
            &digest,
        ])
    };
    let ran = render(&task, &params, &digest);
    let wanted = json!([{"name": "url", "value": "hub"}, {"name": "digest", "value": "sha256:1"}]);
    assert_eq!(ran.object()["spec"]["params"], wanted);

    let named = "is UTF-16; write UTF-8 (in PowerShell with -Encoding utf8)\n";
    render(&wide, &params, &digest)
        .exits(64)
        .says(&format!("{wide}: error: {named}"));
    render(&task, &wide, &digest)
        .exits(64)
        .says(&format!("--param-file {wide}: {named}"));
    render(&task, &params, &wide)
        .exits(64)
        .says(&format!("the output 'kaniko.digest': {wide} {named}"));
    let marked = path(
        "marked.yaml",
        "\u{feff}apiVersion: v1\nkind: List\n".as_bytes(),
    );
    for (crd, says) in [
        (&wide, named),
        (&marked, "is not a complete CustomResourceDefinition"),
    ] {
        gleaner(&["run", "-f", &task, "-p", "imageUrl=x", "--crd", crd])
            .exits(64)
            .says(says);
    }
}

#[test]
fn wrong_arguments_are_all_reported() {
    let ran = gleaner(&[
        "render",
        "-f",
        PROPOSAL,
        "-p",
        "imageURL=x",
        "--output",
        "kaniko.digset=x",
    ]);
    ran.exits(64)
        .says("the Task has no parameter 'imageURL'; did you mean 'imageUrl'?")
        .says("undeclared output 'kaniko.digset'; did you mean 'kaniko.digest'?");
    gleaner(&["render", "-f", PROPOSAL, "-p", "imageUrl"])
        .exits(64)
        .says("use NAME=VALUE");
    gleaner(&["render", "-f", PROPOSAL, "--variable", "taskRun.nme=x"])
        .exits(64)
        .says("did you mean 'taskRun.name'?");
}

#[test]
fn a_value_that_the_declaration_does_not_allow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let declaration = "
steps: {one: [{name: a, pattern: '^sha256:[0-9a-f]+$'}, {name: list, type: array, nonEmpty: true, default: [x]},
  {name: token, nonEmpty: true, pattern: '^t-', secret: true}]}
objects:
  - name: s
    resourceTemplate: {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: $(steps.one.a), t: $(steps.one.token)}}
";
    let task = support::task(declaration, "steps: [{name: one, image: i}]");
    let file = format!("one.a={}", file(folder.path(), "a", "\n"));
    let render = |arguments: &[&str]| {
        let arguments = [&["render", "-f", "-"], arguments].concat();
        gleaner_with_input(&arguments, &task)
    };
    let ran = render(&[
        "--output-file",
        &file,
        "--output=one.list=[]",
        "--output=one.token=hunter2",
    ]);
    ran.exits(64)
        .says(
            "the output 'one.a' is empty, which does not match the pattern '^sha256:[0-9a-f]+$'\n",
        )
        .says("the output 'one.list' is empty, but nonEmpty: true is set\n")
        .says("the output 'one.token' does not match the pattern '^t-'\n");
    assert!(!ran.stderr.contains("hunter2") && ran.stdout.is_empty());
    render(&["--output=one.a=sha256:0", "--output=one.token=t-1"]).exits(0);
}

#[test]
fn invalid_base64_in_a_secret_is_refused_without_the_value() {
    let declaration = "
steps: {one: [{name: a, secret: true, pattern: .}]}
objects:
  - {name: s, resourceTemplate: {apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: $(steps.one.a)}}}
";
    let task = support::task(declaration, "steps: [{name: one, image: i}]");
    let render = |value: &str| {
        let output = format!("--output=one.a={value}");
        gleaner_with_input(&["render", "-f", "-", &output], &task)
    };
    let ran = render("hello!");
    ran.exits(65)
        .says("the value of data.a in 's' is not valid base64; put it under stringData");
    assert!(!ran.stderr.contains("hello!") && ran.stdout.is_empty());
    render("aGVsbG8=").exits(0);
}

#[test]
fn typed_outputs_keep_their_types() {
    let outputs = [
        "replicas=3",
        "flags=[\"a\",\"b\"]",
        "labels={\"app\":\"x\",\"tier\":\"web\"}",
    ];
    let outputs: Vec<String> = outputs
        .iter()
        .map(|output| format!("measure.{output}"))
        .collect();
    let mut arguments = vec![
        "render",
        "-f",
        "examples/typed-outputs.yaml",
        "-p",
        "hosts=h",
    ];
    outputs
        .iter()
        .for_each(|output| arguments.extend(["--output", output]));
    let ran = gleaner(&arguments);
    let deployment = &ran.exits(0).objects()[1];
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(deployment["spec"]["paused"], false);
    assert_eq!(
        deployment["spec"]["selector"]["matchLabels"],
        json!({"app": "x", "tier": "web"})
    );
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(*arguments, json!(["--host", "h", "a", "b"]));
}

#[test]
fn a_secret_is_shown_only_on_request() {
    let arguments = [
        "render",
        "-f",
        "examples/secret-output.yaml",
        "--output",
        "issue.token=hush",
        "--output",
        "issue.expires=x",
    ];
    let ran = gleaner(&arguments);
    assert_eq!(ran.object()["stringData"]["token"], "(secret)");
    let shown = gleaner(&[arguments.as_slice(), &["--show-secrets"]].concat());
    assert_eq!(shown.object()["stringData"]["token"], "hush");
}

const TASK: &str = "
kind: Task
metadata:
  name: NAME
  annotations:
    gleaner.dev/outputs: |
      objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}}}]
spec: {steps: [{name: a, image: i}]}
";

#[test]
fn one_of_several_tasks_is_selected_by_name() {
    let [one, two] = ["one", "two"].map(|name| TASK.replace("NAME", name));
    let both = format!(
        "{one}---\n{two}---\nkind: Task\nmetadata: {{name: plain}}\nspec: {{steps: [{{name: a}}]}}\n"
    );
    let ran = gleaner_with_input(&["render", "-f", "-", "--task", "two"], &both);
    assert_eq!(ran.object()["metadata"]["name"], "two");
    gleaner_with_input(&["render", "-f", "-"], &both)
        .exits(64)
        .says("select one with --task: one, two, plain");
    gleaner_with_input(&["render", "-f", "-", "--task", "tow"], &both)
        .exits(64)
        .says("did you mean 'two'?");
    gleaner_with_input(&["render", "-f", "-", "--task", "plain"], &both)
        .exits(64)
        .says("declares no outputs");
    gleaner_with_input(&["render", "-f", "-"], "kind: Pipeline\n")
        .exits(64)
        .says("no Task found");
}

#[test]
fn render_reports_a_wrong_declaration_as_lint_does() {
    let wrong = TASK.replace("name: cm", "nam: cm");
    let ran = gleaner_with_input(&["render", "-f", "-"], &wrong);
    ran.exits(78).says("<stdin>:7:18: error: objects[0].nam: ");
}

#[test]
fn errors_of_the_webhook_are_reported_for_a_task_without_a_name() {
    let nameless = TASK.replace("  name: NAME\n", "").replace("NAME", "x");
    let wrong = nameless.replace("{name: a,", "{name: gleaner,");
    for text in [
        &wrong,
        &wrong.replace("metadata:\n", "metadata:\n  name: x\n"),
    ] {
        gleaner_with_input(&["render", "-f", "-"], text)
            .exits(78)
            .says("the step 'gleaner' has a name that is reserved for Gleaner");
    }
}

#[test]
fn a_name_prefix_does_not_match_another_task() {
    let named = TASK.replace("NAME", "x");
    let prefix = named
        .replace("name: x", "generateName: x-")
        .replace("{name: a,", "{name: b,");
    assert_ne!(named, prefix);
    for text in [
        format!("{named}---\n{prefix}"),
        format!("{prefix}---\n{named}"),
    ] {
        gleaner_with_input(&["render", "-f", "-", "--task", "x"], &text).exits(0);
        gleaner_with_input(&["render", "-f", "-"], &text)
            .exits(64)
            .says("found several Tasks; select one with --task: x, x");
    }
    gleaner_with_input(&["render", "-f", "-", "--task", "x"], &prefix).exits(0);
    let two = format!("{prefix}---\n{prefix}");
    gleaner_with_input(&["render", "-f", "-", "--task", "x"], &two)
        .exits(64)
        .says("duplicate Task 'x'");
}

/// Returns a Task with `links` resources, each twice as large as the previous one, and `objects` ConfigMaps that use the last
/// resource.
fn doubling(links: usize, objects: usize) -> String {
    let mut declaration = "steps: {one: [{name: a}]}\nresources:\n".to_owned();
    let mut url = "$(steps.one.a)".to_owned();
    for link in 0..links {
        declaration += &format!(
            "- {{name: r{link}, spec: {{type: image, params: [{{name: url, value: \"{url}\"}}, {{name: digest, value: x}}]}}}}\n"
        );
        url = format!("$(resources.r{link}.url)").repeat(2);
    }
    declaration += "objects:\n";
    for object in 0..objects {
        declaration += &format!(
            "- {{name: o{object}, resourceTemplate: {{apiVersion: v1, kind: ConfigMap, data: {{a: \"{url}\"}}}}}}\n"
        );
    }
    support::task(&declaration, "steps: [{name: one, image: i, script: x}]")
}

#[test]
fn references_that_multiply_the_size_are_refused_before_they_use_memory() {
    let folder = tempfile::tempdir().unwrap();
    let value = format!("one.a={}", "x".repeat(1000));
    let render = |links, objects| {
        let task = file(folder.path(), "task.yaml", &doubling(links, objects));
        // Without the objects, the program needs 60 MB of address space. The limit of 100 MB leaves too little for even one copy
        // of the objects, which total 80 MB.
        let limited = ["-c", "ulimit -v 100000; exec \"$@\"", "sh"];
        let own = support::command(&["render", "-f", &task, "--output", &value]);
        let mut command = std::process::Command::new("sh");
        command
            .args(limited)
            .arg(own.get_program())
            .args(own.get_args());
        support::without_variables(&mut command, &["GLEANER_"]);
        support::ran(command.output().unwrap())
    };
    // Each object is within its limit, but together the objects exceed the limit for all objects.
    let together = render(11, 40);
    together
        .exits(65)
        .says("error: all objects together would be ")
        .says(" bytes, but at most 33554432 fit into the sidecar's memory; largest values: $(resources.r10.url) (");
    together.says("; make the outputs or the templates smaller\n");
    assert_eq!(together.stdout, "");
    let one = render(64, 1);
    one.exits(65)
        .says("error: the object of 'r12' would be ")
        .says("; make the outputs smaller, or output a reference to the data\n");
    let small = render(4, 2);
    small.exits(0);
    assert_eq!(small.objects().len(), 6);
}

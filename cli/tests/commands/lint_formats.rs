//! Tests the output formats of `gleaner lint`: `short`, `human`, `github` and `sarif`.

use std::process::{Command, Stdio};

use crate::support::{Ran, command, file, gleaner, gleaner_with_input, ran};
use serde_json::Value;

/// A Task with four errors on two lines. Some of the errors are preceded by multi-byte characters.
const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: app
  annotations:
    gleaner.dev/outputs: |
      steps:
        biuld: [{name: größe}]
      objects:
        - name: cm
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: ä, labels: {a: $(params.imag)}}}
spec:
  params: [{name: image}]
  steps: [{name: build, image: i}]
";

#[track_caller]
fn lint(format: &str, text: &str) -> Ran {
    let ran = gleaner_with_input(&["lint", "-f", "-", "--format", format], text);
    assert_eq!(ran.stderr, "");
    ran
}

/// The findings of [`TASK`] in the short format.
const SHORT: &str = "\
<stdin>:8:16: error: steps.biuld: the Task has no step 'biuld'; did you mean 'build'?
<stdin>:8:24: error: steps.biuld[0].name: 'größe' is not a valid name: use letters, digits, '-', '_' and '.', and begin with a letter or '_'
<stdin>:11:80: error: objects[0].resourceTemplate.metadata.name: Kubernetes rejects the name 'ä'; use lower-case letters, digits, '-' and '.', and begin and end with a letter or digit
<stdin>:11:95: error: objects[0].resourceTemplate.metadata.labels.a: the Task has no parameter 'imag'; did you mean 'image'?
";

#[test]
fn the_short_format_is_the_default_unless_the_output_is_a_terminal() {
    let short = lint("short", TASK);
    short.exits(1);
    assert_eq!(short.stdout, SHORT);
    let default = gleaner_with_input(&["lint", "-f", "-"], TASK);
    assert_eq!(default.stdout, SHORT);
}

#[test]
fn the_human_format_shows_the_source_line_with_a_mark() {
    let human = lint("human", TASK);
    human.exits(1);
    assert_eq!(human.stdout, HUMAN);
    // Also test Windows line endings and a byte order mark.
    let windows = format!("\u{feff}{}", TASK.replace('\n', "\r\n"));
    assert_eq!(lint("human", &windows).stdout, HUMAN);
}

const HUMAN: &str = "\
error: the Task has no step 'biuld'
 --> <stdin>:8:16
  |
8 |         biuld: [{name: größe}]
  |                ^ steps.biuld
  |
  = help: did you mean 'build'?

error: 'größe' is not a valid name: use letters, digits, '-', '_' and '.', and begin with a letter or '_'
 --> <stdin>:8:24
  |
8 |         biuld: [{name: größe}]
  |                        ^^^^^ steps.biuld[0].name

error: Kubernetes rejects the name 'ä'
  --> <stdin>:11:80
   |
11 |           resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: ä, labels: {a: $(params.imag)}}}
   |                                                                                ^ objects[0].resourceTemplate.metadata.name
   |
   = help: use lower-case letters, digits, '-' and '.', and begin and end with a letter or digit

error: the Task has no parameter 'imag'
  --> <stdin>:11:95
   |
11 |           resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: ä, labels: {a: $(params.imag)}}}
   |                                                                                               ^^^^^^^^^^^^^^ objects[0].resourceTemplate.metadata.labels.a
   |
   = help: did you mean 'image'?

";

#[test]
fn a_syntax_error_has_its_line_and_an_unreadable_file_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let bad = file(directory.path(), "bad.yaml", "a: 1\nb: c: d\n");
    let ran = gleaner(&["lint", "--format", "human", &bad, "no-such-file"]);
    ran.exits(66);
    let line = format!(" --> {bad}:2:5\n  |\n2 | b: c: d\n  |     ^\n  |\n  = help: quote a value");
    assert!(ran.stdout.contains(&line), "{}", ran.stdout);
    let missing =
        "error: cannot be read: No such file or directory (os error 2)\n--> no-such-file\n";
    assert!(ran.stdout.contains(missing), "{}", ran.stdout);
    assert_eq!(
        lint(
            "human",
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
        )
        .code,
        0
    );
}

#[test]
fn a_byte_order_mark_does_not_change_columns() {
    for text in [
        "a: b: c\n",
        "{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: b, annotations: {gleaner.dev/outputs: 'submit: Now'}}, spec: {steps: [{image: i}]}}\n",
    ] {
        let plain = lint("human", text);
        plain.exits(1);
        assert!(plain.stdout.contains("--> <stdin>:1:"), "{}", plain.stdout);
        let marked = lint("human", &format!("\u{feff}{text}"));
        assert_eq!(marked.stdout, plain.stdout);
    }
}

#[test]
fn the_human_format_is_the_default_on_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let task = file(directory.path(), "task.yaml", TASK);
    let program = command(&["lint", &task]);
    let mut pty = Command::new("python3");
    pty.args([
        "-c",
        "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
    ]);
    pty.arg(program.get_program()).args(program.get_args());
    let output = pty
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ran = ran(output);
    ran.exits(1);
    assert!(
        ran.stdout.contains("\u{1b}[1m\u{1b}[91merror"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("        biuld: [{name: größe}]"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_github_format_prints_workflow_commands() {
    let github = lint("github", TASK);
    github.exits(1);
    let lines: Vec<&str> = github.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert_eq!(
        lines[0],
        "::error file=<stdin>,line=8,col=16::steps.biuld: the Task has no step 'biuld'; did you mean 'build'?"
    );
    let note = lint(
        "github",
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n",
    );
    note.exits(0);
    assert!(
        note.stdout
            .starts_with("::notice file=<stdin>::nothing in this file declares outputs"),
        "{}",
        note.stdout
    );
    assert_eq!(lint("github", "").stdout.lines().count(), 1);
}

#[test]
fn the_sarif_format_contains_what_the_standard_and_github_require() {
    let sarif = lint("sarif", TASK);
    sarif.exits(1);
    let log: Value = serde_json::from_str(&sarif.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .unwrap()
            .ends_with("sarif-2.1.0.json")
    );
    assert_eq!(log["runs"].as_array().unwrap().len(), 1);
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "gleaner");
    assert_eq!(driver["version"], env!("CARGO_PKG_VERSION"));
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for field in ["id", "helpUri"] {
            assert!(rule[field].is_string(), "{rule:#}");
        }
        for field in ["shortDescription", "fullDescription"] {
            assert!(rule[field]["text"].is_string(), "{rule:#}");
        }
    }
    // Gleaner counts columns in characters, but SARIF counts UTF-16 code units by default.
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let levels = ["none", "note", "warning", "error"];
    for (result, line) in results.iter().zip(SHORT.lines()) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        let location = &result["locations"][0];
        let physical = &location["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "%3Cstdin%3E");
        let region = &physical["region"];
        let message = result["message"]["text"].as_str().unwrap();
        let level = result["level"].as_str().unwrap();
        let shown = format!(
            "<stdin>:{}:{}: {level}: {message}",
            region["startLine"], region["startColumn"]
        );
        assert_eq!(shown, line);
        let name = location["logicalLocations"][0]["fullyQualifiedName"]
            .as_str()
            .unwrap();
        assert!(message.starts_with(&format!("{name}: ")), "{result:#}");
    }
    // SARIF requires the list `results` even if there are no findings.
    let good = TASK
        .replace("biuld: [{name: größe}]", "build: [{name: a}]")
        .replace("params.imag", "steps.build.a")
        .replace("name: ä", "name: a");
    let log: Value = serde_json::from_str(&lint("sarif", &good).stdout).unwrap();
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    let log: Value = serde_json::from_str(&lint("sarif", "").stdout).unwrap();
    let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["region"], serde_json::json!({"startLine": 1}));
}

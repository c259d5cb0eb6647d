//! The Task that the tests of `gleaner lint` modify, and functions that compare actual and expected findings.

use std::fmt::Debug;

use super::gleaner_with_input;

/// A Task with one step `build`, an output `digest` and a ConfigMap.
pub(crate) const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: app
  annotations:
    gleaner.dev/outputs: |
      steps:
        build:
          - name: digest
      objects:
        - name: cm
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: app
            data:
              image: $(params.image)@$(steps.build.digest)
spec:
  params:
    - name: image
      type: string
  steps:
    - name: build
      image: busybox
      script: echo sha256:abc > $GLEANER_OUTPUTS/digest
";

/// The arguments with which `gleaner` lints standard input.
const LINT: [&str; 3] = ["lint", "-f", "-"];

/// Lints `text`. Returns the exit code and the lines of the output.
pub(crate) fn lint(text: &str) -> (i32, Vec<String>) {
    lint_by(&LINT, text)
}

fn lint_by(command: &[&str], text: &str) -> (i32, Vec<String>) {
    let ran = gleaner_with_input(command, text);
    assert_eq!(ran.stderr, "");
    (ran.code, ran.stdout.lines().map(str::to_owned).collect())
}

/// Lints `text` and expects these findings and the matching exit code. Each string in `expected` is the beginning of an output
/// line, without the prefix `<stdin>:`.
#[track_caller]
pub(crate) fn finds(text: &str, expected: &[&str]) {
    finds_by(&LINT, text, expected);
}

/// Runs `command` on `text` and expects these findings, in the same form as for [`finds`].
#[track_caller]
pub(crate) fn finds_by(command: &[&str], text: &str, expected: &[&str]) {
    let (code, lines) = lint_by(command, text);
    let found: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix("<stdin>:").expect(line))
        .collect();
    assert_found(text, code, &found, expected);
}

/// Expects each item of `found` to begin with the corresponding item of `expected`, and the exit code to match.
#[track_caller]
pub(crate) fn assert_found(
    text: &str,
    code: i32,
    found: &[impl AsRef<str> + Debug],
    expected: &[&str],
) {
    assert_eq!(found.len(), expected.len(), "{text}{found:#?}");
    for (found, expected) in found.iter().map(AsRef::as_ref).zip(expected) {
        assert!(found.starts_with(expected), "{text}{found}\n{expected}");
    }
    let is_error = |line: &&str| line.starts_with("error: ") || line.contains(": error: ");
    let is_wrong = expected.iter().any(is_error);
    assert_eq!(code, i32::from(is_wrong), "{text}{found:#?}");
}

/// Replaces `from` with `to` in `text`, lints the result, and expects these findings.
#[track_caller]
pub(crate) fn in_text(text: &str, from: &str, to: &str, expected: &[&str]) {
    assert!(text.contains(from), "{from}");
    finds(&text.replace(from, to), expected);
}

#[track_caller]
pub(crate) fn in_task(from: &str, to: &str, expected: &[&str]) {
    in_text(TASK, from, to, expected);
}

/// The template line in [`TASK`] that contains variables.
pub(crate) const IMAGE: &str = "image: $(params.image)@$(steps.build.digest)";

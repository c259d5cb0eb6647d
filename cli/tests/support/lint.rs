//! The Task that the suites of `gleaner lint` change, and what they expect to be found in it.

use super::gleaner_with_input;

/// A Task of one step `build` with the output `digest`, and a ConfigMap.
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

pub(crate) fn lint(text: &str) -> (i32, Vec<String>) {
    let ran = gleaner_with_input(&["lint", "-f", "-"], text);
    assert_eq!(ran.stderr, "");
    (ran.code, ran.stdout.lines().map(str::to_owned).collect())
}

/// Expects the findings, each given by its beginning after `<stdin>:`, and the exit code that follows from them.
#[track_caller]
pub(crate) fn finds(text: &str, expected: &[&str]) {
    let (code, lines) = lint(text);
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(&format!("<stdin>:{expected}")),
            "{line}\n{expected}"
        );
    }
    let is_error = expected.iter().any(|line| line.contains(": error: "));
    assert_eq!(code, i32::from(is_error), "{lines:#?}");
}

#[track_caller]
pub(crate) fn in_task(from: &str, to: &str, expected: &[&str]) {
    assert!(TASK.contains(from), "{from}");
    finds(&TASK.replace(from, to), expected);
}

/// The line with variables in the template of [`TASK`].
pub(crate) const IMAGE: &str = "image: $(params.image)@$(steps.build.digest)";

//! Tests `gleaner init`, which prints a new Task with a sample declaration, or adds a declaration to each Task in a file.

use crate::support::{gleaner, gleaner_with_input};

/// Runs `gleaner init` on `text`. Returns the output, which must pass `gleaner lint --strict`.
#[track_caller]
fn declared(text: &str) -> String {
    let ran = gleaner_with_input(&["init", "-f", "-"], text);
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    let lint = gleaner_with_input(&["lint", "--strict", "-f", "-"], &ran.stdout);
    lint.exits(0);
    assert_eq!(lint.stdout, "", "{}", ran.stdout);
    ran.stdout
}

/// Returns the lines that `after` adds to `before`. Panics if any other line changed.
#[track_caller]
fn added<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    let mut rest = before.split_inclusive('\n').peekable();
    let mut added = Vec::new();
    for line in after.split_inclusive('\n') {
        match rest.next_if(|next| *next == line) {
            Some(_) => {}
            None => added.push(line),
        }
    }
    assert_eq!(rest.next(), None, "{after}");
    added
}

const STEPS: &str = "\
spec:
  steps:
    - name: fetch   # first
      image: busybox
      script: echo a > \"$GLEANER_OUTPUTS/value\"
    - image: busybox
      script: 'echo b > \"$GLEANER_OUTPUTS/value\"'
";

fn task(metadata: &str) -> String {
    format!("# kept\napiVersion: tekton.dev/v1\nkind: Task\n{metadata}{STEPS}")
}

#[test]
fn the_new_task_passes_lint_and_runs() {
    let ran = gleaner(&["init"]);
    ran.exits(0);
    let lint = gleaner_with_input(&["lint", "--strict", "-f", "-"], &ran.stdout);
    lint.exits(0);
    assert_eq!(lint.stdout, "");
    let run = gleaner_with_input(&["run", "-f", "-"], &ran.stdout);
    run.exits(0).says("ConfigMap default/app-release-");
    assert_eq!(run.object()["data"]["image"], "registry.example/app");
    // The commented-out fields must also be valid, so uncomment them and lint the Task again.
    let uncommented = ran
        .stdout
        .replace("# fromPath:", "fromPath:")
        .replace("# submit:", "submit:")
        .replace("# policy:", "policy:")
        .replace("{generateName: app-release-}", "{name: app}");
    assert!(uncommented.contains("  policy: Apply"), "{uncommented}");
    let lint = gleaner_with_input(&["lint", "--strict", "-f", "-"], &uncommented);
    lint.exits(0);
}

#[test]
fn each_step_of_the_task_gets_an_output() {
    let before = task("metadata:\n  name: build\n  labels: {a: b}\n");
    let after = declared(&before);
    let added = added(&before, &after).concat();
    assert_eq!(
        added,
        "  annotations:
    gleaner.dev/outputs: |
      # The output files of each step, by the step's name. Remove steps that have no outputs.
      # `gleaner explain` describes all fields.
      steps:
        fetch:
          - name: value  # the file $GLEANER_OUTPUTS/value; $(steps.fetch.value) in templates
            # default: none  # the value if the file is missing; without a default, the step fails
        unnamed-1:
          - name: value
      # The objects to create from the outputs. Gleaner creates all of them or none.
      objects:
        - name: outputs  # also a result of the Task, with the object's name and UID
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            data:
              fetch: $(steps.fetch.value)
              unnamed-1: $(steps.unnamed-1.value)
"
    );
    let run = gleaner_with_input(&["run", "-f", "-"], &after);
    run.exits(0);
    assert_eq!(run.object()["data"]["unnamed-1"], "b");
}

#[test]
fn the_rest_of_the_file_stays_unchanged() {
    let first = task("metadata:\n  name: a\n");
    for (before, count) in [
        (task("metadata:\n      name: x   # y\n\n      # z\n"), 19),
        (
            task("metadata:\n  annotations:\n    # first\n    a: b\n  name: x\n"),
            18,
        ),
        (task("metadata:\n  annotations:\n  name: x\n"), 18),
        (task("\"metadata\":\n  \"name\": 'x'\n"), 19),
        (task("metadata:\n  name: x\n").replace('\n', "\r\n"), 19),
        (format!("\u{feff}{first}"), 19),
        (
            format!("{STEPS}kind: Task\napiVersion: tekton.dev/v1\nmetadata:\n  name: x"),
            19,
        ),
        (
            format!(
                "---\n{first}---\nkind: ConfigMap\napiVersion: v1\nmetadata: {{name: c}}\n---\n{}...\n",
                first.replace(": a", ": b")
            ),
            38,
        ),
        (
            format!(
                "kind: List\napiVersion: v1\nitems:\n- {}",
                first.replace("# kept\n", "").replace('\n', "\n  ")
            ),
            19,
        ),
    ] {
        let after = declared(&before);
        let same_end = match before.ends_with('\n') || before.ends_with(' ') {
            true => before.clone(),
            false => format!("{before}\n"),
        };
        let added = added(&same_end, &after);
        assert_eq!(added.len(), count, "{after}");
        let ends = added.iter().filter(|line| line.ends_with("\r\n")).count();
        assert_eq!(ends, if before.contains('\r') { count } else { 0 });
    }
}

#[test]
fn names_that_yaml_would_convert_are_quoted_and_result_names_are_avoided() {
    let text = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: x\nspec:\n  results: [{name: outputs, description: d}]\n  \
                steps:\n    - {name: \"on\", image: i, script: 'echo > $(results.outputs.path)'}\n    - {name: \"12\", image: i}\n";
    let ran = gleaner_with_input(&["init", "-f", "-"], text);
    // A Task that already has results causes a warning, because all of its results share one size limit.
    ran.exits(0).says("warning: spec.results: ");
    let after = ran.stdout;
    gleaner_with_input(&["lint", "-f", "-"], &after).exits(0);
    assert!(after.contains("        - name: outputs-2 "), "{after}");
    for line in [
        "        \"on\":\n",
        "        \"12\":\n",
        "              \"on\": $(steps.on.value)\n",
    ] {
        assert!(after.contains(line), "{line}{after}");
    }
}

#[test]
fn a_file_to_which_no_declaration_can_be_added_is_rejected_with_position_and_remedy() {
    let block = "a multi-line annotation cannot be inserted here; write each field";
    let annotated =
        "metadata:\n  name: x\n  annotations:\n    gleaner.dev/outputs: 'submit: Manual'\n";
    let good = task("metadata:\n  name: z\n");
    for (text, message) in [
        (
            task(annotated),
            "<stdin>:7:26: error: metadata.annotations[\"gleaner.dev/outputs\"]: the Task x already declares outputs; edit the declaration",
        ),
        (
            format!("{good}---\n{}", task(annotated)),
            "<stdin>:20:26: error: metadata.annotations[\"gleaner.dev/outputs\"]: the Task x already declares",
        ),
        (
            task("metadata:\n  name: x\n").replace("image: busybox", "image: busybox\n      outputs: [{name: a}]"),
            ": error: spec: the Task x already declares outputs; run `gleaner translate`",
        ),
        (task("metadata: {name: x}\n"), "<stdin>:4:11: error: metadata: a multi-line annotation"),
        (task("metadata:\n  name: x\n  annotations: {}\n"), block),
        (task("metadata:\n  name: x\n  annotations: {a: b}\n"), block),
        (task("metadata:\n  name: >-\n    x\n"), block),
        (task("metadata:\n  name: |\n    b: c\n"), block),
        ("{\"kind\": \"Task\", \"apiVersion\": \"tekton.dev/v1\",\n\"metadata\":\n{\"name\": \"x\"}, \"spec\": {\"steps\": [{\"image\": \"i\"}]}}".to_owned(), block),
        (
            format!(
                "kind: List\napiVersion: v1\nitems:\n- kind: ConfigMap\n  apiVersion: v1\n  metadata: &m\n    name: x\n- kind: Task\n  \
                 apiVersion: tekton.dev/v1\n  metadata: *m\n  {}",
                STEPS.trim_end().replace('\n', "\n  ")
            ),
            block,
        ),
        (task(""), "error: metadata: the Task has no metadata; add metadata with a name"),
        (good.replace(STEPS, ""), "error: spec: the Task has no spec"),
        (good.replace(STEPS, "spec: {}\n"), "<stdin>:6:7: error: spec.steps: the Task has no steps"),
        ("kind: ConfigMap\n".to_owned(), "<stdin>: error: the file contains no Tasks; run `gleaner init` without"),
        // Lines are numbered as in the input file, not as in the output.
        (
            good.replace("image: busybox\n      script: '", "image: busybox\n      scrpt: 1\n      onError: '"),
            "<stdin>:13:16: error: spec.steps[1].onError",
        ),
        (good.replace("fetch ", "a_b "), "error: "),
    ] {
        let ran = gleaner_with_input(&["init", "-f", "-"], &text);
        ran.exits(78).says(message);
        assert_eq!(ran.stdout, "", "{text}");
    }
    gleaner(&["init", "no-such-file.yaml"])
        .exits(64)
        .says("no-such-file.yaml: error: cannot be read");
}

//! Tests how `gleaner lint` reports conflicts between the fields of a Job and the declaration for its pods, with the
//! webhook and with `--without-webhook`.

use crate::support::lint::{finds, finds_by};
use crate::support::{self, gleaner, gleaner_with_input, task};

const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  completions: 1
  template:
    metadata:
      annotations:
        gleaner.dev/outputs: |
          steps: {main: [{name: v}]}
          objects:
            - name: cm
              resourceTemplate:
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: fixed}
                data: {v: $(steps.main.v)}
    spec:
      restartPolicy: Never
      containers: [{name: main, image: i, command: [sh]}]
";

const AHEAD: [&str; 4] = ["lint", "--without-webhook", "-f", "-"];

#[test]
fn a_job_with_several_pods_but_without_an_index_is_refused() {
    let one_run = "without completionMode: Indexed, all pods of this Job are one run, so each pod would replace the 'cm' of the previous one; add completionMode: Indexed";
    for (fields, place) in [
        ("completions: 2", Some("spec.completions")),
        ("completions: 2, parallelism: 1", Some("spec.completions")),
        ("parallelism: 2", Some("spec.parallelism")),
        ("completions: 1, parallelism: 2", None),
        (
            "completions: null, parallelism: 2",
            Some("spec.parallelism"),
        ),
        ("parallelism: 1", None),
    ] {
        let fields = fields.replace(", ", "\n  ");
        // A derived name depends only on the run, so it is the same in all pods of the Job.
        for name in ["{name: fixed}", "{}", "{generateName: a-}"] {
            let text = JOB.replace("completions: 1", &fields);
            let text = text.replace("{name: fixed}", name);
            match place {
                Some(place) => {
                    let key = place.rsplit('.').next().unwrap();
                    let line = text.lines().position(|line| line.contains(key)).unwrap() + 1;
                    let column = key.len() + 5;
                    let expected = format!("{line}:{column}: error: {place}: {one_run}");
                    finds(&text, &[&expected]);
                }
                None => finds(&text, &[]),
            }
        }
    }
    let several = JOB.replace("completions: 1", "completions: 2");
    let apply = several.replace("- name: cm", "- name: cm\n              policy: Apply");
    finds(
        &apply,
        &[
            "5:16: warning: spec.completions: all pods of this Job apply the same 'cm', so it keeps only the values of the last pod; add completionMode: Indexed",
        ],
    );
    let lines = several.replace("kind: Job", "kind: CronJob").replace(
        "spec:\n  completions",
        "spec:\n  jobTemplate:\n   spec:\n    completions",
    );
    let cron: Vec<String> = lines
        .lines()
        .map(|line| {
            match line.starts_with("  template")
                || line.starts_with("    ") && !line.contains("completions")
            {
                true => format!("  {line}"),
                false => line.to_owned(),
            }
        })
        .collect();
    finds(
        &(cron.join("\n") + "\n"),
        &[
            "7:18: error: spec.jobTemplate.spec.completions: without completionMode: Indexed, all pods of this Job are one run",
        ],
    );
}

#[test]
fn static_names_of_an_indexed_job_need_its_index() {
    let indexed = JOB.replace(
        "completions: 1",
        "completions: 2\n  completionMode: Indexed",
    );
    finds(
        &indexed,
        &[
            "17:34: error: objects[0].resourceTemplate.metadata.name: the pods of an Indexed Job would all create 'cm' with the same name; put $(context.job.completionIndex) into metadata.name, or omit the name",
        ],
    );
    let named = |text: &str| {
        text.replace(
            "{name: fixed}",
            "{name: fixed-$(context.job.completionIndex)}",
        )
    };
    finds(&named(&indexed), &[]);
    finds(&indexed.replace("{name: fixed}", "{}"), &[]);
    finds(
        &named(JOB),
        &[
            "16:40: error: objects[0].resourceTemplate.metadata.name: only the pods of an Indexed Job have a completion index; add completionMode: Indexed to the Job",
        ],
    );
}

#[test]
fn without_webhook_reports_the_errors_of_inject() {
    let several = JOB.replace("completions: 1", "completions: 2");
    finds_by(&AHEAD, JOB, &[]);
    finds_by(
        &AHEAD,
        &several,
        &[
            "16:34: error: objects[0].resourceTemplate.metadata.name: the pods of this Job would all create 'cm' with the same name; omit the name, or use generateName",
        ],
    );
    finds_by(&AHEAD, &several.replace("{name: fixed}", "{}"), &[]);
    let index = several.replace("{name: fixed}", "{name: a-$(context.job.completionIndex)}");
    let index = index.replace(
        "completions: 2",
        "completions: 2\n  completionMode: Indexed",
    );
    finds_by(&AHEAD, &index, &[]);
    finds_by(
        &AHEAD,
        &index.replace("a-$(context.job.completionIndex)", "fixed"),
        &[
            "17:34: error: objects[0].resourceTemplate.metadata.name: the pods of an Indexed Job would all create 'cm' with the same name",
        ],
    );
    finds_by(
        &AHEAD,
        &index.replace("  completionMode: Indexed\n", ""),
        &[
            "16:36: error: objects[0].resourceTemplate.metadata.name: only the pods of an Indexed Job have a completion index",
        ],
    );
    let task = &task(
        "
steps: {a: [{name: v}], b: [{name: w, fromPath: $(params.p)/w}]}
objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.a.v), w: $(steps.b.w)}}}]
",
        "
params: [{name: p}]
steps:
  - {name: a, image: i}
  - {name: b, image: i, script: x}
",
    );
    finds(task, &[]);
    let ahead = gleaner_with_input(&AHEAD, task);
    ahead.exits(1);
    let folder = tempfile::tempdir().unwrap();
    let file = support::file(folder.path(), "task.yaml", task);
    let injected = gleaner(&["inject", "-f", &file, "--image", "gleaner"]);
    injected.exits(78);
    assert_eq!(
        ahead.stdout.replace("<stdin>", &file),
        injected.stderr,
        "lint and inject report the same errors"
    );
    assert!(
        ahead.stdout.contains("runs its image's own command"),
        "{}",
        ahead.stdout
    );
}

#[test]
fn context_variables_without_a_value_are_errors() {
    let task = &task(
        "
steps: {a: [{name: v, fromPath: /tmp/v}]}
objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.a.v)-$(context.taskRun.name)}}}]
",
        "steps: [{name: a, image: i, script: x}]",
    );
    finds(task, &[]);
    finds(
        &task.replace("taskRun.name", "job.completionIndex"),
        &[
            "8:103: error: objects[0].resourceTemplate.data.v: `$(context.job.completionIndex)` has no value here; this variable exists only in the pods of an Indexed Job",
        ],
    );
    finds(
        &task.replace("/tmp/v", "/tmp/$(context.job.completionIndex)"),
        &[
            "7:44: error: steps.a[0].fromPath: `$(context.job.completionIndex)` has no value here; this variable exists only in the pods of an Indexed Job",
        ],
    );
    for name in ["pipelineRun.uid", "task.retry-count"] {
        finds(
            &JOB.replace("fixed", &format!("a-$(context.{name})")),
            &[&format!(
                "16:36: error: objects[0].resourceTemplate.metadata.name: `$(context.{name})` has no value here; this variable exists only in Tekton's pods"
            )],
        );
    }
    let named = JOB.replace("fixed", "a-$(context.task.name)");
    finds(&named, &[]);
    finds_by(&AHEAD, &named, &[]);
    // With the webhook, both variables are accepted for any other controller: its pods have a value for `task.name`, and may
    // have a completion index.
    let indexed = named.replace("task.name", "job.completionIndex");
    let scaled = |text: &str| text.replace("batch/v1\nkind: Job", "keda.sh/v1\nkind: ScaledJob");
    finds(&scaled(&named), &[]);
    finds(&scaled(&indexed), &[]);
    finds_by(
        &AHEAD,
        &scaled(&named),
        &[
            "16:36: error: objects[0].resourceTemplate.metadata.name: `$(context.task.name)` has no value here; write a name instead, because without the webhook only the pods of a Job, CronJob or JobSet have this variable",
        ],
    );
    finds_by(
        &AHEAD,
        &scaled(&indexed),
        &[
            "16:36: error: objects[0].resourceTemplate.metadata.name: only the pods of an Indexed Job have a completion index; add completionMode: Indexed",
        ],
    );
    // The Jobs of a JobSet have completionMode: Indexed by default, so their pods have a completion index.
    let set = |text: &str| {
        text.replace(
            "batch/v1\nkind: Job",
            "jobset.x-k8s.io/v1alpha2\nkind: JobSet",
        )
    };
    finds(&set(&indexed), &[]);
    finds_by(&AHEAD, &set(&indexed), &[]);
    let message = "16:34: error: objects[0].resourceTemplate.metadata.name: the pods of an Indexed Job would all create 'cm' with the same name";
    finds(&set(JOB), &[message]);
    finds_by(&AHEAD, &set(JOB), &[message]);
}

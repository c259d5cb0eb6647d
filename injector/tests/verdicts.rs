//! Checks that the webhook and `gleaner lint` report the same verdict, messages, field paths and warnings for each document.

use gleaner_core::check;
use gleaner_core::declaration::AllowedKinds;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Live, Node, Source};
use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::{Refusal, Settings, Skip};
use gleaner_injector::decision::{Functions, Route, Verdict};
use gleaner_injector::review::Request;
use serde_json::{Value, json};

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: app
  labels: {team: a}
  annotations:
    gleaner.dev/cpu-limit: 100m
    gleaner.dev/outputs: |
      steps:
        build:
          - name: digest
            fromPath: $(workspaces.src.path)/digest
          - name: count
            type: number
            default: 1
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: url, value: $(params.image)}
              - {name: digest, value: $(steps.build.digest)}
      objects:
        - name: app
          policy: Apply
          waitFor: {condition: Available, timeout: 5m}
          results: {image: '.spec.template.spec.containers[0].image'}
          resourceTemplate:
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: app-$(context.taskRun.name)
            spec:
              replicas: $(steps.build.count)
              selector: {matchLabels: {a: b}}
              template:
                metadata: {labels: {a: b}}
                spec:
                  containers:
                    - name: app
                      image: $(params.image)@$(steps.build.digest)
                      ports: [{containerPort: 8080}]
        - name: cm
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            data:
              port: \"8080\"
              image: $(resources.img.url)
      submit: Completed
spec:
  params:
    - name: image
      type: string
  workspaces: [{name: src}]
  results: [{name: own}]
  steps:
    - name: build
      image: busybox
      script: echo $(params.image)
    - name: last
      image: busybox
      command: [sh, -c]
      args: [\"true\"]
";

const PIPELINE: &str = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: p
spec:
  params: [{name: outer}]
  tasks:
    - name: m
      matrix:
        params: [{name: a, value: [b, c]}]
      taskSpec:
        metadata:
          annotations:
            gleaner.dev/outputs: |
              steps: {s: [{name: v}]}
              objects:
                - name: cm
                  resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.s.v), o: $(params.outer)}}
        params: [{name: a}]
        results: [{name: other}]
        steps: [{name: s, image: i, script: x}]
    - name: n
      params: [{name: x, value: $(tasks.m.results.other)}]
      taskRef: {name: other}
  finally:
    - name: f
      taskSpec: {steps: [{name: s, image: i, script: x}]}
";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations:
    gleaner.dev/outputs: |
      steps:
        main: [{name: v}]
      objects:
        - name: cm
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {v: $(steps.main.v)}}
spec:
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}]
  containers:
    - name: main
      image: busybox
      command: [sh, -c, x]
      volumeMounts: [{name: v, mountPath: /v}]
";

/// Typical mistakes, each as a correct text and the wrong text that replaces all occurrences of the correct text.
const SLIPS: [(&str, &str); 73] = [
    ("gleaner.dev/outputs", "gleaner.dev/output"),
    (
        "gleaner.dev/outputs:",
        "gleaner.dev/foo: x\n    gleaner.dev/outputs:",
    ),
    ("gleaner.dev/cpu-limit", "gleaner.dev/cpu-limits"),
    ("cpu-limit: 100m", "cpu-limit: much"),
    ("labels: {team: a}", "labels: {gleaner.dev/outputs: a}"),
    ("      objects:", "    objects:"),
    ("      submit: Completed", "    submit: Completed"),
    ("      steps:\n", "      step:\n"),
    ("kind: Task", "kind: TaskRun"),
    ("kind: Task", "kind: Pipeline"),
    ("kind: Pipeline", "kind: PipelineRun"),
    ("name: digest", "name: di gest"),
    ("- name: digest", "- nam: digest"),
    ("build:", "bild:"),
    ("type: number", "type: integer"),
    ("default: 1", "default: one"),
    ("default: 1", "secret: true"),
    (
        "$(steps.build.digest)",
        "$(steps.build.digset)-$(params.nope)",
    ),
    ("$(steps.build.digest)", "${{ steps.build.outputs.digest }}"),
    ("$(steps.build.digest)", "{{ params.image }}"),
    ("$(steps.build.digest)", "$(steps.build.digest"),
    ("$(steps.build.digest)", "$(tasks.a.results.b)"),
    ("$(steps.build.digest)", "'$(params.list[*])'"),
    ("$(steps.build.count)", "'3'"),
    ("$(steps.build.count)", "$(steps.build.digest)"),
    ("$(steps.s.v)", "fixed"),
    ("$(steps.main.v)", "5"),
    ("$(params.outer)", "$(params.inner)"),
    ("$(params.image)", "$(params.imgae)"),
    ("$(context.taskRun.name)", "App_X-$(context.taskRun.nam)"),
    ("$(workspaces.src.path)", "$(workspaces.scr.path)"),
    ("$(resources.img.url)", "$(resources.img.uri)"),
    ("$(tasks.m.results.other)", "\"$(tasks.m.results.cm[*])\""),
    ("port: \"8080\"", "port: 8080"),
    ("replicas:", "replica:"),
    ("containerPort: 8080", "containerPort: http"),
    ("containerPort: 8080", "containerPort: 8080, entirelyNew: 1"),
    ("selector: {matchLabels: {a: b}}", "paused: false"),
    ("kind: ConfigMap", "kind: ConfigMaps"),
    ("kind: Deployment", "kind: Deploymnt"),
    ("apiVersion: apps/v1", "apiVersion: app/v1"),
    ("apiVersion: apps/v1", "apiVersion: apps/v1beta1"),
    ("timeout: 5m", "timeout: 5h"),
    ("policy: Apply", "policy: apply"),
    (
        "fromPath: $(workspaces.src.path)/digest",
        "fromPath: $HOME/digest",
    ),
    (
        "fromPath: $(workspaces.src.path)/digest",
        "fromPath: $(workspaces.src.pth)/digest",
    ),
    ("condition: Available,", "condition: Available=True,"),
    ("condition: Available,", "condition: Ready,"),
    ("policy: Apply", "owned:"),
    ("kind: ConfigMap", "kind: Namespace"),
    ("{image: '.spec", "{name: '.spec"),
    ("type: image", "type: imag"),
    ("[{name: own}]", "[{name: img}]"),
    (
        "[{name: own}]",
        "[{name: cm, type: object, properties: {nope: {type: string}}}]",
    ),
    ("[{name: src}]", "[{name: src, mountPath: /gleaner}]"),
    ("- name: last", "- name: gleaner"),
    ("- name: last", "- name: build"),
    (
        "args: [\"true\"]",
        "args: [\"$(steps.build.digest)\", \"$(resources.cm.name)\"]",
    ),
    (
        "args: [\"true\"]",
        "volumeMounts: [{name: v, mountPath: /gleaner/x}]",
    ),
    ("restartPolicy: Never", "restartPolicy: Always"),
    ("name: v, emptyDir", "name: gleaner-internal, emptyDir"),
    ("command: [sh, -c, x]", "args: [x]"),
    ("mountPath: /v", "mountPath: /gleaner"),
    ("- name: main", "- name: other"),
    (
        "script: echo $(params.image)",
        "script: echo $(params.imgae)",
    ),
    ("args: [\"true\"]", "args: [$(context.task.nme)]"),
    (
        "script: echo $(params.image)",
        "script: echo $(workspaces.scr.path) $(params.image.x)",
    ),
    (
        "args: [\"true\"]",
        "args: [$(results.onw.path), \"a $(steps.build.results.none)\"]",
    ),
    // This mistake is in a task that declares outputs, because the webhook does not check other tasks.
    (
        "        steps: [{name: s, image: i, script: x}]",
        "        steps: [{name: s, image: i, script: $(workspaces.none.path) $(date)}]",
    ),
    (
        "- name: build\n",
        "- name: build\n      timeout: $(params.none)\n",
    ),
    ("workspaces: [{name: src}]", "workspaces: [{name: scr}]"),
    ("image: busybox", "onError: ignore"),
    ("type: string", "type: object"),
];

fn settings() -> Settings {
    Settings {
        image: "gleaner:1".to_owned(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: AllowedKinds::unlimited(),
    }
}

/// Returns valid documents, and copies of them with one or two mistakes or with one line removed.
fn corpus() -> Vec<String> {
    let mut texts = Vec::new();
    for base in [TASK, PIPELINE, POD] {
        texts.push(base.to_owned());
        let slipped = SLIPS.iter().filter(|(from, _)| base.contains(from));
        let slipped: Vec<String> = slipped.map(|(from, to)| base.replace(from, to)).collect();
        for (index, text) in slipped.iter().enumerate() {
            texts.push(text.clone());
            let (from, to) = SLIPS[(index * 7) % SLIPS.len()];
            if text.contains(from) {
                texts.push(text.replace(from, to));
            }
        }
        let lines: Vec<&str> = base.lines().collect();
        for left_out in 0..lines.len() {
            let kept = lines.iter().enumerate();
            let kept = kept.filter(|(index, _)| *index != left_out);
            let text: Vec<&str> = kept.map(|(_, line)| *line).collect();
            texts.push(text.join("\n"));
        }
    }
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}

fn decide(document: &Value) -> Option<Verdict> {
    let version = document["apiVersion"].as_str()?;
    let kind = document["kind"].as_str()?;
    let (group, route) = match (version.split_once('/'), kind) {
        (Some(("tekton.dev", _)), _) => ("tekton.dev", Route::Tekton),
        (None, "Pod") => ("", Route::Pods),
        _ => return None,
    };
    let mut document = document.clone();
    // Add the managedFields that the API server adds to record which client set each annotation.
    if let Some(Value::Object(annotations)) = document.pointer("/metadata/annotations") {
        let fields = annotations
            .keys()
            .map(|key| (format!("f:{key}"), json!({})));
        let fields = Value::Object(fields.collect());
        document["metadata"]["managedFields"] = json!([
            {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:annotations": fields}}},
        ]);
    }
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u",
            "operation": "CREATE",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "object": document,
        },
    });
    let body = review.to_string();
    let request = Request::read(body.as_bytes()).unwrap();
    Some(Functions::default().decide(route, &request, &settings()))
}

/// Returns the field path, message and remedy of each finding, without the line and column.
fn said(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn lint_and_the_webhook_report_the_same_findings() {
    let (mut compared, mut refused, mut warned, mut by_tekton) = (0, 0, 0, 0);
    for text in corpus() {
        let Ok(source) = Source::parse("f".to_owned(), text.clone()) else {
            continue;
        };
        for document in &source.documents {
            let object = document.to_json();
            let Some(verdict) = decide(&object) else {
                continue;
            };
            let check = |node: &Node, locate: &dyn gleaner_core::document::Locate| {
                let tasks = Default::default();
                check::document(node, locate, &settings(), Placement::Webhook, &tasks)
            };
            let live = check(&Node::from(&object), &Live);
            let lint = check(document, &source);
            let sorted = |mut said: Vec<String>| {
                said.sort();
                said
            };
            assert_eq!(
                sorted(said(&live.errors)),
                sorted(said(&lint.errors)),
                "{text}"
            );
            assert_eq!(
                sorted(said(&live.warnings)),
                sorted(said(&lint.warnings)),
                "{text}"
            );
            assert_eq!(
                sorted(said(&live.refused_elsewhere)),
                sorted(said(&lint.refused_elsewhere)),
                "{text}"
            );
            let errors = lint.errors.iter().chain(&lint.refused_elsewhere);
            let placed = errors.chain(&lint.warnings);
            for diagnostic in placed.filter(|diagnostic| diagnostic.omitted == 0) {
                let line = diagnostic.at.expect("a position").line;
                assert!(
                    (1..=text.lines().count()).contains(&line),
                    "{diagnostic}\n{text}"
                );
            }
            compared += 1;
            match verdict {
                Verdict::Refused(found) => {
                    refused += 1;
                    assert_eq!(found.panic, None, "{text}");
                    let shown = |found: &str| {
                        let lines = found.lines().filter(|line| !line.ends_with(" errors:"));
                        sorted(lines.map(|line| line.trim_start().to_owned()).collect())
                    };
                    let expected = Refusal::from(live.errors).to_string();
                    assert_eq!(shown(&found.message), shown(&expected), "{text}");
                }
                Verdict::Changed { warnings, .. } => {
                    assert_eq!(said(&live.errors), [""; 0], "{text}");
                    let messages = live.warnings.iter().map(|warning| warning.message.clone());
                    assert_eq!(sorted(warnings), sorted(messages.collect()), "{text}");
                    warned += usize::from(!live.warnings.is_empty());
                    by_tekton += usize::from(!live.refused_elsewhere.is_empty());
                }
                // The webhook ignores documents without the annotation, even if they use the syntax of the 2019 proposal,
                // so there is nothing to compare.
                Verdict::Skipped(Skip::NotAsked)
                    if !object.to_string().contains("gleaner.dev/") => {}
                Verdict::Skipped(skip) => {
                    assert_eq!(said(&live.errors), [""; 0], "{skip:?}\n{text}");
                }
                Verdict::Failed(place) => panic!("{place}\n{text}"),
            }
        }
    }
    assert!(
        compared > 200 && refused > 100 && warned > 5 && by_tekton > 1,
        "{compared} {refused} {warned} {by_tekton}"
    );
}

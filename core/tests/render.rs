//! Tests rendering: the content, names, metadata and order of the rendered objects, and secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::document::writer::to_yaml;
use gleaner_core::render::{Attempts, SECRET, Secrecy, Values, preview, render};
use gleaner_core::run::Run;
use gleaner_core::variable::SubstitutionError;
use serde_json::{Value, json};

const DECLARATION: &str = r#"
steps:
  kaniko: [{name: digest}, {name: token, secret: true}]
  test: [{name: report, type: object}, {name: files, type: array}]
resources:
  - name: img
    spec:
      type: image
      params:
        - {name: url, value: $(params.imageUrl)}
        - {name: digest, value: $(steps.kaniko.digest)}
objects:
  - name: named
    owned: true
    resourceTemplate:
      kind: ConfigMap
      data: {image: $(resources.img.name), digest: $(resources.img.digest), type: $(resources.img.type), ns: $(resources.prefixed.namespace)}
      apiVersion: v1
      metadata: {labels: {team: a, app.kubernetes.io/managed-by: other}, name: "of-$(context.taskRun.name)", namespace: run-ns}
  - name: prefixed
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {generateName: token-, namespace: elsewhere}
      stringData: {token: $(steps.kaniko.token)}
  - name: typed
    policy: Apply
    resourceTemplate:
      apiVersion: example.dev/v1
      kind: Report
      metadata: {name: typed}
      spec: {report: $(steps.test.report), files: [first, "$(steps.test.files[*])"], failed: $(steps.test.report.failed)}
"#;

fn declaration() -> Declaration {
    Declaration::parse(DECLARATION, &Scope::default()).expect("a valid declaration")
}

fn run() -> Run {
    let context = [
        ("task.name", "build-and-push"),
        ("taskRun.name", "build-and-push-run"),
        ("taskRun.uid", "0aed1dbc4ac8"),
        ("taskRun.namespace", "run-ns"),
        ("pipelineRun.name", "build-and-test-run"),
        ("pipelineRun.uid", "4802d6d7-b3eb-11e9-855b-0aed1dbc4ac8"),
    ];
    Run {
        context: context
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Run::default()
    }
}

fn values() -> Values {
    let outputs = |values: Value| {
        values
            .as_object()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .collect::<BTreeMap<_, _>>()
            .into()
    };
    Values {
        params: [("imageUrl".to_owned(), "docker.io/demo".into())].into(),
        outputs: [
            (
                "kaniko".to_owned(),
                outputs(json!({"digest": "sha256:54ed", "token": "hunter2"})),
            ),
            (
                "test".to_owned(),
                outputs(json!({"report": {"failed": 0, "ok": true}, "files": ["a", "b"]})),
            ),
        ]
        .into(),
    }
}

fn objects(values: &Values, run: &Run, attempts: &Attempts) -> Vec<Value> {
    let rendered = render(&declaration(), values, run, attempts).expect("everything is known");
    rendered
        .into_iter()
        .map(|rendered| rendered.object)
        .collect()
}

#[test]
fn all_objects_are_rendered_in_the_order_of_the_declaration() {
    insta::assert_snapshot!(to_yaml(&objects(&values(), &run(), &Attempts::new())));
}

#[test]
fn the_same_input_gives_the_same_objects() {
    let first = objects(&values(), &run(), &Attempts::new());
    assert_eq!(first, objects(&values(), &run(), &Attempts::new()));
}

#[test]
fn an_object_whose_name_is_taken_gets_the_next_suffix_in_all_references() {
    let attempts = Attempts::from([("img".parse().expect("a name"), 1)]);
    let (first, second) = (
        objects(&values(), &run(), &Attempts::new()),
        objects(&values(), &run(), &attempts),
    );
    let name = |objects: &[Value]| objects[0]["metadata"]["name"].clone();
    assert_ne!(name(&first), name(&second));
    assert_eq!(second[1]["data"]["image"], name(&second));
}

#[test]
fn the_hash_depends_on_the_content_and_not_on_names() {
    let hash = |objects: &[Value], index: usize| {
        objects[index]["metadata"]["annotations"]["gleaner.dev/content"]
            .as_str()
            .map(str::to_owned)
    };
    let before = objects(&values(), &run(), &Attempts::new());
    let mut other = values();
    Arc::make_mut(other.outputs.get_mut("kaniko").expect("a step"))
        .insert("digest".into(), "sha256:0000".into());
    let after = objects(&other, &run(), &Attempts::new());
    assert!(hash(&before, 0).is_some());
    assert_ne!(hash(&before, 0), hash(&after, 0));
    assert_eq!(hash(&before, 3), hash(&after, 3));
    let moved = objects(
        &values(),
        &run(),
        &Attempts::from([("img".parse().expect("a name"), 1)]),
    );
    assert_eq!(hash(&before, 0), hash(&moved, 0));
}

#[test]
fn the_hash_of_a_secret_cannot_be_guessed_from_public_data() {
    let hash = |secret_key: Option<&str>| {
        let run = Run {
            secret_key: secret_key.map(str::to_owned),
            ..run()
        };
        let secret = &objects(&values(), &run, &Attempts::new())[2];
        secret["metadata"]["annotations"]
            .get("gleaner.dev/content")
            .cloned()
    };
    assert_eq!(hash(None), None);
    assert!(hash(Some("a")).is_some());
    assert_eq!(hash(Some("a")), hash(Some("a")));
    assert_ne!(hash(Some("a")), hash(Some("b")));
}

#[test]
fn a_masked_rendering_shows_no_secret() {
    let (rendered, _) = preview(
        &declaration(),
        &values(),
        &run(),
        &Attempts::new(),
        Secrecy::Masked,
    );
    let yaml = to_yaml(rendered.iter().map(|rendered| &rendered.object));
    assert!(!yaml.contains("hunter2"), "{yaml}");
    assert!(yaml.contains(&format!("token: {SECRET}")), "{yaml}");
}

#[test]
fn unknown_variables_are_named_in_order_of_use() {
    let error = render(&declaration(), &Values::default(), &run(), &Attempts::new())
        .expect_err("nothing is known");
    let SubstitutionError::Pending(pending) = error else {
        panic!("{error}")
    };
    let pending: Vec<String> = pending.iter().map(ToString::to_string).collect();
    assert_eq!(
        pending,
        [
            "params.imageUrl",
            "steps.kaniko.digest",
            "steps.kaniko.token",
            "steps.test.report",
            "steps.test.files"
        ]
    );
}

#[test]
fn a_missing_key_of_a_known_value_is_an_error() {
    let mut values = values();
    Arc::make_mut(values.outputs.get_mut("test").expect("a step"))
        .insert("report".into(), json!({}));
    let error =
        render(&declaration(), &values, &run(), &Attempts::new()).expect_err("a key is missing");
    assert_eq!(
        error.to_string(),
        "`$(steps.test.report.failed)`: the value has no key 'failed'"
    );
}

#[test]
fn without_a_run_an_object_has_a_generate_name() {
    let run = Run {
        context: [("task.name".to_owned(), "build".to_owned())].into(),
        ..Run::default()
    };
    let (rendered, _) = preview(
        &declaration(),
        &values(),
        &run,
        &Attempts::new(),
        Secrecy::Plain,
    );
    let metadata = &rendered[0].object["metadata"];
    assert_eq!(
        (metadata.get("name"), &metadata["generateName"]),
        (None, &json!("build-image-"))
    );
    assert!(metadata.get("ownerReferences").is_none());
}

/// A declaration that uses a number, a boolean and a part of an object in each type of string field and in a few other fields.
const TEXTS: &str = r#"
steps: {t: [{name: num, type: number}, {name: flag, type: boolean}, {name: o, type: object}]}
resources:
  - name: img
    metadata: {name: $(steps.t.o.count), labels: {num: $(steps.t.num)}}
    spec: {type: image, params: [{name: url, value: $(steps.t.num)}, {name: digest, value: $(steps.t.o.count)}]}
objects:
  - name: config
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: $(steps.t.num), namespace: $(steps.t.num), labels: {flag: $(steps.t.flag)}, annotations: {num: $(steps.t.o.count)}}
      immutable: $(steps.t.flag)
      data: {num: $(steps.t.num), part: $(steps.t.o.count), json: $(string(steps.t.o)), text: "<$(string(steps.t.flag))>", url: $(resources.img.url)}
  - name: secret
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {generateName: $(steps.t.num)}
      stringData: {num: $(steps.t.num)}
  - name: app
    resourceTemplate:
      apiVersion: example.dev/v1
      kind: App
      data: {num: $(steps.t.num)}
      spec:
        replicas: $(steps.t.num)
        text: $(string(steps.t.num))
        list: ["$(string(steps.t.o.count))", $(steps.t.num)]
        selector: {matchLabels: {num: $(steps.t.num)}}
        template:
          metadata: {labels: {num: $(steps.t.num)}}
          spec:
            nodeSelector: {num: $(steps.t.num)}
            containers: [{name: c, env: [{name: NUM, value: $(steps.t.num)}, {name: B, value: $(steps.t.flag)}]}]
"#;

fn texts(o: &Value) -> Result<Vec<Value>, SubstitutionError> {
    let declaration = Declaration::parse(TEXTS, &Scope::default()).expect("a valid declaration");
    let outputs = BTreeMap::from([
        ("num".to_owned(), json!(8080)),
        ("flag".to_owned(), json!(true)),
        ("o".to_owned(), o.clone()),
    ]);
    let values = Values {
        outputs: [("t".to_owned(), Arc::new(outputs))].into(),
        ..Values::default()
    };
    let rendered = render(&declaration, &values, &Run::default(), &Attempts::new())?;
    Ok(rendered.into_iter().map(|one| one.object).collect())
}

#[test]
fn numbers_and_booleans_become_text_in_string_fields() {
    let objects = texts(&json!({"count": 1.5, "list": []})).unwrap();
    let [img, config, secret, app] = &objects[..] else {
        panic!("{objects:?}")
    };
    assert_eq!(img["metadata"]["name"], "1.5");
    assert_eq!(img["metadata"]["labels"]["num"], "8080");
    assert_eq!(
        img["spec"]["params"],
        json!([{"name": "url", "value": "8080"}, {"name": "digest", "value": "1.5"}])
    );
    let metadata = &config["metadata"];
    assert_eq!(
        [
            &metadata["name"],
            &metadata["namespace"],
            &metadata["labels"]["flag"],
            &metadata["annotations"]["num"]
        ],
        ["8080", "8080", "true", "1.5"]
    );
    assert_eq!(config["immutable"], true);
    assert_eq!(
        config["data"],
        json!({"num": "8080", "part": "1.5", "json": "{\"count\":1.5,\"list\":[]}", "text": "<true>", "url": "8080"})
    );
    assert_eq!(secret["metadata"]["generateName"], "8080");
    assert_eq!(secret["stringData"]["num"], "8080");
    assert_eq!(
        app["data"]["num"], 8080,
        "a value in `data` keeps its type if the kind is not ConfigMap"
    );
    let spec = &app["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["text"], &spec["list"]),
        (&json!(8080), &json!("8080"), &json!(["1.5", 8080]))
    );
    assert_eq!(spec["selector"]["matchLabels"]["num"], "8080");
    let template = &spec["template"];
    assert_eq!(template["metadata"]["labels"]["num"], "8080");
    assert_eq!(template["spec"]["nodeSelector"]["num"], "8080");
    assert_eq!(
        template["spec"]["containers"][0]["env"],
        json!([{"name": "NUM", "value": "8080"}, {"name": "B", "value": "true"}])
    );
}

#[test]
fn a_list_is_rejected_in_a_string_field() {
    let error = texts(&json!({"count": [1]})).unwrap_err().to_string();
    let message = "`$(steps.t.o.count)` is of type array, but a string is required; write $(string(steps.t.o.count)) for its JSON";
    assert!(error.contains(message), "{error}");
}

/// Renders `template` in a run of the Task `task` with the additional context variables `more`. Returns the object's metadata.
fn metadata_of(task: &str, more: &[(&str, &str)], template: &str) -> Value {
    let text = format!("objects: [{{name: a, resourceTemplate: {template}}}]");
    let declaration = Declaration::parse(&text, &Scope::default()).unwrap();
    let mut run = run();
    for (key, value) in [("task.name", task)].iter().chain(more) {
        run.context.insert((*key).to_owned(), (*value).to_owned());
    }
    let rendered = render(&declaration, &Values::default(), &run, &Attempts::new());
    rendered.unwrap()[0].object["metadata"].clone()
}

#[test]
fn labels_of_a_template_override_gleaners_labels_except_in_a_pipeline_resource() {
    let labels = "metadata: {labels: {app.kubernetes.io/managed-by: Helm, tekton.dev/task: mine}}";
    let config = metadata_of(
        "t",
        &[],
        &format!("{{apiVersion: v1, kind: ConfigMap, {labels}}}"),
    );
    assert_eq!(config["labels"]["app.kubernetes.io/managed-by"], "Helm");
    assert_eq!(config["labels"]["tekton.dev/task"], "mine");
    assert_eq!(config["labels"]["tekton.dev/taskRun"], "build-and-push-run");
    let resource = format!("{{apiVersion: tekton.dev/v1alpha1, kind: PipelineResource, {labels}}}");
    let resource = metadata_of("t", &[], &resource);
    assert_eq!(
        resource["labels"]["app.kubernetes.io/managed-by"],
        "gleaner"
    );
    assert_eq!(resource["labels"]["tekton.dev/task"], "t");
}

#[test]
fn a_derived_name_fits_its_kind() {
    let long = "a".repeat(63);
    for (task, api_version, kind, prefix, length) in [
        (
            "3scale.build",
            "v1",
            "Service",
            "t3scale-build-service-",
            27,
        ),
        ("build.v1", "v1", "Namespace", "build-v1-namespace-", 24),
        (
            "3scale.build",
            "v1",
            "ConfigMap",
            "3scale.build-configmap-",
            28,
        ),
        (
            "3scale",
            "serving.knative.dev/v1",
            "Service",
            "t3scale-service-",
            21,
        ),
        (&long, "apps/v1", "StatefulSet", "aaa", 52),
        (&long, "batch/v1", "CronJob", "aaa", 52),
        (&long, "batch/v1", "Job", "aaa", 63),
    ] {
        let template = format!("{{apiVersion: {api_version}, kind: {kind}}}");
        let metadata = metadata_of(task, &[], &template);
        let name = metadata["name"].as_str().unwrap();
        assert!(name.starts_with(prefix), "{name}");
        assert_eq!(name.len(), length, "{name}");
    }
    let template = "{apiVersion: v1, kind: ConfigMap}";
    let indexed = metadata_of("job", &[("job.completionIndex", "2")], template);
    let name = indexed["name"].as_str().unwrap();
    assert!(name.starts_with("job-2-configmap-"), "{name}");
}

//! A value is treated as data all the way from a step's file to the object on the API server.

use gleaner_tests::cases;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Map, Value, json};

use crate::{PROGRAMS, config_maps, declaration, only, resources};

/// Values that one of the programs or parsers between the step and the object might not treat as text.
const NASTY: &[&str] = &[
    "",
    " ",
    "it's \"quoted\" `thrice`",
    "two\nlines\n",
    "\r\nCRLF\r\n",
    "\ttabbed",
    "key: value",
    "- item",
    "# no comment",
    "a # no comment",
    "$(params.x)",
    "$(steps.build.v0)",
    "$$(params.x)",
    "$$$(params.x)",
    "$(resources.other.name)",
    "$(",
    "no",
    "yes",
    "null",
    "~",
    "true",
    "1e3",
    "0x1",
    "0o7",
    "1_000",
    ".inf",
    "2026-11-23",
    "=",
    "<<",
    "*alias",
    "&anchor",
    "!!binary aGk=",
    "{a: b}",
    "[1, 2]",
    "---\nkind: Secret\n",
    "...",
    "%TAG",
    "@at",
    "{{ template }}",
    "\u{feff}mark",
    "zero\u{0}byte",
    "bell\u{7}, next line \u{85}, separator \u{2028}",
    "\u{1f680} \u{1f469}\u{200d}\u{1f4bb} \u{10ffff}",
    "\\n \\u0041 \\",
];

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_special_value_changes_only_the_field_that_contains_it,
        sixteen_mebibytes_are_refused_before_anything_is_rendered,
        typed_outputs_keep_their_types,
        half_a_mebibyte_arrives_whole,
    ]
}

async fn a_special_value_changes_only_the_field_that_contains_it(server: &Server) {
    let number = |i: usize| format!("v{i}");
    let outputs: Vec<Value> = (0..NASTY.len())
        .map(|i| json!({"name": number(i), "trim": "None"}))
        .collect();
    let variable = |i: usize| format!("$(steps.build.{})", number(i));
    let mut data = Map::from_iter([("literal".to_owned(), json!("$$(params.x) stays"))]);
    let mut expected = Map::from_iter([("literal".to_owned(), json!("$(params.x) stays"))]);
    for (i, value) in NASTY.iter().enumerate() {
        data.insert(number(i), variable(i).into());
        data.insert(format!("within-{i}"), format!("<{}>", variable(i)).into());
        expected.insert(number(i), (*value).into());
        expected.insert(format!("within-{i}"), format!("<{value}>").into());
    }
    data.insert("param".to_owned(), json!("$(params.x)"));
    expected.insert("param".to_owned(), json!("$(params.y) no: # $$("));
    let declaration = json!({
        "steps": {"build": outputs},
        "resources": [{"name": "img", "spec": {"type": "image", "params": [
            {"name": "url", "value": variable(10)}, {"name": "digest", "value": variable(16)},
        ]}}],
        "objects": [{"name": "note", "resourceTemplate": {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "note-"}, "data": data,
        }}],
    });
    let mut run = Run::new(PROGRAMS, server, &declaration.to_string())
        .param("x", "$(params.y) no: # $$(")
        .param("y", "never seen");
    run.start().await;
    let step = NASTY
        .iter()
        .enumerate()
        .fold(run.step("build"), |step, (i, value)| {
            step.writes(&number(i), value)
        });
    step.run().await.expect(0);

    let note = only(config_maps(&run).await);
    assert_eq!(note["data"], Value::Object(expected.clone()));
    let params = &only(resources(&run).await)["spec"]["params"];
    let wanted =
        json!([{"name": "url", "value": NASTY[10]}, {"name": "digest", "value": NASTY[16]}]);
    assert_eq!(*params, wanted);
    // Another YAML parser must read the same values from the preview of the object.
    let shown = run.get("/v1/resources/note").await.expect_status(200).text;
    let shown: Value = serde_saphyr::from_str(&shown).expect("YAML");
    assert_eq!(shown["data"], Value::Object(expected));
}

/// Returns the declaration of a ConfigMap that contains the output `blob` unchanged.
fn one_value() -> String {
    let declaration = json!({
        "steps": {"build": [{"name": "blob", "trim": "None"}, {"name": "digest"}]},
        "resources": [{"name": "img", "spec": {"type": "image", "params": [
            {"name": "digest", "value": "$(steps.build.digest)"},
        ]}}],
        "objects": [{"name": "note", "resourceTemplate": {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "note-"},
            "data": {"blob": "$(steps.build.blob)", "digest": "$(steps.build.digest)"},
        }}],
    });
    declaration.to_string()
}

/// Returns multi-line text with a length of `bytes` bytes. `bytes` must be a multiple of 16.
fn blob(bytes: usize) -> String {
    "sixteen bytes: \n".repeat(bytes / 16)
}

async fn sixteen_mebibytes_are_refused_before_anything_is_rendered(server: &Server) {
    let blob = blob(16 << 20);
    let mut run = Run::new(PROGRAMS, server, &one_value());
    run.start().await;
    let step = run
        .step("build")
        .writes("blob", &blob)
        .writes("digest", "d");
    let ended = step.run().await.expect(65);
    ended.says(&[
        "nothing was created",
        "at most 3145728",
        "$(steps.build.blob)",
    ]);
    assert_eq!(resources(&run).await, [json!(null); 0]);
    assert_eq!(config_maps(&run).await, [json!(null); 0]);
    let refused = run.get("/v1/resources/note").await.expect_status(413);
    assert!(refused.text.contains("'note'"), "{}", refused.text);
    assert!(run.get("/v1/status").await.text.len() < 4096);
}

async fn half_a_mebibyte_arrives_whole(server: &Server) {
    let blob = blob(1 << 19);
    let mut run = Run::new(PROGRAMS, server, &one_value());
    run.start().await;
    let step = run
        .step("build")
        .writes("blob", &blob)
        .writes("digest", "d");
    step.run().await.expect(0);
    let note = only(config_maps(&run).await);
    assert!(note["data"]["blob"] == blob.as_str(), "the blob differs");
}

async fn typed_outputs_keep_their_types(server: &Server) {
    let example = include_str!("../../../examples/typed-outputs.yaml");
    let mut run = Run::new(PROGRAMS, server, &declaration(example, "measure"))
        .param_json("hosts", &json!(["a.example", "b.example"]));
    run.start().await;
    let step = run
        .step("measure")
        .writes("replicas", "2\n")
        .writes("flags", r#"["--verbose", "--colour=no", "1e3"]"#)
        .writes("labels", r#"{"app": "measured", "tier": "web"}"#)
        .writes("paused", "true")
        .writes("notes", "no");
    step.last().run().await.expect(0);

    let settings = only(config_maps(&run).await);
    let data = json!({
        "notes": "no",
        "flag": "--colour=no",
        "replicas": "2 replicas",
        "count": "2",
        "labels.json": r#"{"app":"measured","tier":"web"}"#,
    });
    assert_eq!(settings["data"], data);
    assert_eq!(settings["metadata"]["labels"]["tier"], "web");
    let app = only(run.objects("apps/v1", "deployments").await);
    let spec = &app["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["paused"]),
        (&json!(2), &json!(true))
    );
    let labels = json!({"app": "measured", "tier": "web"});
    assert_eq!(spec["selector"]["matchLabels"], labels);
    let container = &spec["template"]["spec"]["containers"][0];
    let args = json!([
        "--host",
        "a.example",
        "b.example",
        "--verbose",
        "--colour=no",
        "1e3",
    ]);
    assert_eq!(container["args"], args);
    let name = &settings["metadata"]["name"];
    assert_eq!(container["envFrom"][0]["configMapRef"]["name"], *name);
    assert_eq!(run.results()[0].1["replicas"], "2");
}

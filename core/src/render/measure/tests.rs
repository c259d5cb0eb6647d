use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::declaration::Scope;
use crate::render::memory;
use crate::render::{Attempts, render};

const OBJECTS: &str = r#"
steps:
  a: [{name: text}, {name: list, type: array}, {name: map, type: object}]
resources:
  - name: img
    spec:
      type: image
      params: [{name: url, value: "$(steps.a.text)/x"}, {name: digest, value: fixed}]
objects:
  - name: one
    resourceTemplate:
      apiVersion: v1
      kind: Secret
      metadata: {name: "n-$(steps.a.list[0])"}
      stringData:
        plain: $(steps.a.text)
        text: 'quoted "$(steps.a.text)" and $(steps.a.map.k)'
        url: $(resources.img.url)$(resources.img.digest)
        name: $(resources.img.name)
        json: $(string(steps.a.map))
      list: ["$(steps.a.list[*])", more, "$(steps.a.map)"]
"#;

/// The first resource of a chain in which each URL contains the previous URL twice.
const DOUBLED: &str = r"
resources:
  - name: r0
    spec:
      type: image
      params: [{name: url, value: 0123456789abcdef}, {name: digest, value: x}]
";

fn measured(declaration: &str, outputs: &Value, bounds: &Bounds) -> Result<Size, TooLarge> {
    let (declaration, values) = given(declaration, outputs);
    let run = Run::default();
    measure(&declaration, &values, &run, Secrecy::Plain, bounds, None)
}

fn given(declaration: &str, outputs: &Value) -> (Declaration, Values) {
    let declaration = Declaration::parse(declaration, &Scope::default()).unwrap();
    let outputs: std::collections::BTreeMap<_, _> =
        outputs.as_object().unwrap().clone().into_iter().collect();
    let values = Values {
        outputs: [("a".to_owned(), Arc::new(outputs))].into(),
        ..Values::default()
    };
    (declaration, values)
}

#[test]
fn a_measured_size_is_a_close_upper_bound() {
    for outputs in [
        json!({"text": "x".repeat(5000), "list": ["a", "b"], "map": {"k": 1}}),
        json!({"text": "\"\\\n\u{1}ä".repeat(900), "list": ["", [[], {}]], "map": {"k": vec!["\\"; 90]}}),
        json!({"text": "", "list": [vec![0; 3000]], "map": {"k": {"b": null}}}),
    ] {
        let (declaration, values) = given(OBJECTS, &outputs);
        let (run, bounds) = (Run::default(), Bounds::default());
        let size = measure(&declaration, &values, &run, Secrecy::Plain, &bounds, None).unwrap();
        let rendered = render(&declaration, &values, &run, &Attempts::new()).unwrap();
        let json: usize = rendered
            .iter()
            .map(|one| one.object.to_string().len())
            .sum();
        let json = json as u64;
        let memory: u64 = rendered.iter().map(|one| memory(&one.object)).sum();
        assert!(
            size.json >= json && size.json < json + 4096,
            "{size:?} {json}"
        );
        assert!(
            size.memory * 2 >= memory && size.memory < memory + 16384,
            "{size:?} {memory}"
        );
    }
}

#[test]
fn an_object_over_its_limit_is_reported_with_its_largest_variables() {
    let outputs =
        json!({"text": "x".repeat(900_000), "list": ["b"], "map": {"k": "y".repeat(9000)}});
    let found = measured(
        OBJECTS,
        &outputs,
        &Bounds {
            object: 2 << 20,
            ..Bounds::default()
        },
    );
    let found = found.unwrap_err();
    assert_eq!(found.resource.as_ref().unwrap().as_str(), "one");
    assert!(
        found.size > 2_700_000 && found.bound == 2 << 20,
        "{found:?}"
    );
    assert_eq!(found.largest[0], ("$(steps.a.text)".to_owned(), 1_800_002));
    let message = found.to_string();
    assert!(
        message.contains("'one'") && message.contains("$(steps.a.text) (1800002 bytes)"),
        "{message}"
    );
}

#[test]
fn all_objects_together_are_limited_in_json_size_and_in_memory() {
    let outputs = || json!({"text": "x", "list": [vec![0; 9000]], "map": {"k": "y"}});
    let bounds = |json, memory| Bounds {
        total: Size { json, memory },
        ..Bounds::default()
    };
    assert!(measured(OBJECTS, &outputs(), &bounds(1 << 20, 4 << 20)).is_ok());
    for bounds in [bounds(30_000, u64::MAX), bounds(u64::MAX, 1 << 20)] {
        let found = measured(OBJECTS, &outputs(), &bounds).unwrap_err();
        assert_eq!(found.resource, None, "{found:?}");
    }
}

#[test]
fn a_chain_of_doubling_templates_is_rejected_before_rendering() {
    let mut declaration = DOUBLED.to_owned();
    for link in 1..64 {
        let before = link - 1;
        declaration += &format!(
            "  - name: r{link}\n    spec:\n      type: image\n      params: [{{name: digest, value: x}}, {{name: url, value: \
             \"$(resources.r{before}.url)$(resources.r{before}.url)\"}}]\n"
        );
    }
    let found = measured(&declaration, &json!({}), &Bounds::default()).unwrap_err();
    assert_eq!(found.resource.unwrap().as_str(), "r18");
}

#[test]
fn a_masked_secret_is_measured_with_its_masked_size() {
    let declaration = OBJECTS.replace("{name: text}", "{name: text, secret: true}");
    let declaration = declaration.replace("\"$(steps.a.text)/x\"", "plain");
    let outputs = json!({"text": "x".repeat(9000), "list": ["b"], "map": {"k": 1}});
    let (declaration, values) = given(&declaration, &outputs);
    let (run, bounds) = (Run::default(), Bounds::default());
    let size = |secrecy, only| {
        measure(&declaration, &values, &run, secrecy, &bounds, only)
            .unwrap()
            .json
    };
    assert!(size(Secrecy::Plain, None) > size(Secrecy::Masked, None) + 17_000);
    // The size includes the object itself and the resource that it refers to.
    assert_eq!(
        size(Secrecy::Plain, Some("one")),
        size(Secrecy::Plain, None)
    );
    assert!(size(Secrecy::Plain, Some("img")) < 4096);
}

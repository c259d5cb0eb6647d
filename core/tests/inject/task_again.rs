//! Tests repeated injection into a Task: after an update of the Task, and without any change.

use gleaner_core::inject::task::{self, Operation};
use gleaner_core::inject::{Outcome, Skip};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{changed, injected, settings};
use crate::task::{arguments, build_and_push};

#[test]
fn removing_the_annotation_removes_the_injection() {
    let plain = {
        let mut task = build_and_push();
        task["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("annotations");
        task["spec"]["steps"][1]["onError"] = "continue".into();
        task
    };
    let mut old = build_and_push();
    old["spec"]["steps"][1]["onError"] = "continue".into();
    let old = injected(&old);
    // This is the result of a client-side apply of the Task without the annotation: the injected parts remain.
    let mut new = old.clone();
    new["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    let after = changed(
        task::inject(&new, Operation::Update { old: &old }, &settings()),
        &new,
    );
    assert_eq!(after, plain);
}

#[test]
fn an_edited_declaration_replaces_the_old_injection() {
    let mut edited = injected(&build_and_push());
    edited["metadata"]["annotations"]["gleaner.dev/outputs"] =
        "steps: {kaniko: [{name: digest}]}\nobjects: []\n".into();
    let old = injected(&build_and_push());
    let after = changed(
        task::inject(&edited, Operation::Update { old: &old }, &settings()),
        &edited,
    );
    assert_eq!(after["spec"].get("results"), None);
    assert_eq!(after["spec"]["sidecars"].as_array().unwrap().len(), 1);
    assert!(
        !arguments(&after)
            .iter()
            .any(|argument| argument.contains("imageUrl"))
    );
}

/// Generates Tasks that vary in the fields that injection reads.
fn tasks() -> impl Strategy<Value = Value> {
    let step = (
        proptest::option::of("[a-z][a-z0-9]{0,8}"),
        proptest::option::of(Just("continue")),
        any::<bool>(),
    );
    let sidecars = proptest::collection::vec("[a-z]{1,6}", 0..3);
    let results = proptest::collection::vec("r[a-z]{1,6}", 0..3);
    (proptest::collection::vec(step, 1..5), sidecars, results, 0..3usize).prop_map(
        |(steps, sidecars, results, resources)| {
            let steps: Vec<Value> = steps
                .into_iter()
                .enumerate()
                .map(|(index, (name, on_error, script))| {
                    let mut step = json!({"image": "i"});
                    if let Some(name) = name {
                        step["name"] = format!("{name}-{index}").into();
                    }
                    if let Some(on_error) = on_error {
                        step["onError"] = on_error.into();
                    }
                    step[if script { "script" } else { "command" }] =
                        if script { json!("exit 0") } else { json!(["true"]) };
                    step
                })
                .collect();
            let mut declaration = String::from("resources:\n");
            for index in 0..resources {
                declaration += &format!("  - {{name: res-{index}, spec: {{type: image, params: [{{name: url, value: $(params.a)}}]}}}}\n");
            }
            if resources == 0 {
                declaration = "steps: {}\n".into();
            }
            let named = |prefix: &str, names: Vec<String>| -> Value {
                names.into_iter().enumerate().map(|(i, name)| json!({"name": format!("{prefix}{name}{i}")})).collect()
            };
            json!({
                "apiVersion": "tekton.dev/v1", "kind": "Task",
                "metadata": {"name": "t", "annotations": {"gleaner.dev/outputs": declaration}},
                "spec": {
                    "params": [{"name": "a", "type": "string"}],
                    "steps": steps,
                    "sidecars": named("s", sidecars),
                    "results": named("", results),
                },
            })
        },
    )
}

proptest! {
    #[test]
    fn injection_is_idempotent(task in tasks()) {
        let once = injected(&task);
        prop_assert_eq!(task::inject(&once, Operation::Create, &settings()), Ok(Outcome::Skipped(Skip::Done)));
        prop_assert_eq!(task::inject(&once, Operation::Update { old: &once }, &settings()), Ok(Outcome::Skipped(Skip::Done)));
    }

    #[test]
    fn applying_the_source_again_has_the_same_result(task in tasks()) {
        let once = injected(&task);
        let again = changed(task::inject(&task, Operation::Update { old: &once }, &settings()), &task);
        prop_assert_eq!(again, once);
    }

    #[test]
    fn parts_from_other_injectors_stay_in_any_position(task in tasks()) {
        let add = |mut object: Value| {
            let list = object["spec"]["sidecars"].as_array_mut().unwrap();
            list.push(json!({"name": "mesh", "image": "m"}));
            object
        };
        let sorted = |object: Value| {
            let mut names: Vec<String> = object["spec"]["sidecars"].as_array().unwrap().iter().map(Value::to_string).collect();
            names.sort();
            names
        };
        prop_assert_eq!(sorted(injected(&add(task.clone()))), sorted(injected(&add(injected(&task)))));
    }

    #[test]
    fn injection_only_adds_parts(task in tasks()) {
        let object = injected(&task);
        for list in ["steps", "sidecars", "results"] {
            let before = task["spec"][list].as_array().unwrap();
            let after = object["spec"][list].as_array().unwrap();
            prop_assert_eq!(&after[..before.len()], before.as_slice(), "{}", list);
        }
        prop_assert_eq!(&object["metadata"], &task["metadata"]);
    }
}

//! Tests the exit codes and messages of `gleaner run` for outputs that the sidecar rejects.

use crate::support::{run, task};

const REPORT: &str = r#"
steps: {test: [{name: summary, type: object}]}
objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: report}, data: {total: "$(steps.test.summary.total) tests"}}}]
"#;

fn writes(json: &str) -> String {
    format!(
        "steps: [{{name: test, script: \"cat > $GLEANER_OUTPUTS/summary <<'E'\\n{json}\\nE\\n\"}}]"
    )
}

#[test]
fn the_error_about_a_duplicate_key_names_step_output_and_key() {
    for json in [
        r#"{\"total\": 3, \"total\": 4}"#,
        r#"{\"total\": 3, \"by\": [{\"total\": 1, \"\\u0074otal\": 2}]}"#,
    ] {
        run(&task(REPORT, &writes(json)), &[])
            .exits(65)
            .says("output 'summary' of step 'test' has a duplicate key 'total' in one object");
    }
}

#[test]
fn a_key_of_a_secret_output_is_not_named() {
    let declaration = "steps: {test: [{name: summary, type: object, secret: true}]}";
    let ran = run(
        &task(declaration, &writes(r#"{\"canary\": 3, \"canary\": 4}"#)),
        &[],
    );
    ran.exits(65)
        .says("output 'summary' of step 'test' has a duplicate key in one object");
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}

#[test]
fn results_of_resources_are_in_the_order_of_their_declaration() {
    let object = |name: &str| {
        format!(
            "  - {{name: {name}, resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{k: $(steps.one.a)}}}}}}\n"
        )
    };
    let names = ["zeta", "alpha", "mid"];
    let declaration = format!(
        "steps: {{one: [{{name: a}}]}}\nobjects:\n{}",
        names.map(object).concat()
    );
    let ran = run(
        &task(
            &declaration,
            "steps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a}]",
        ),
        &["-o", "json"],
    );
    let report: serde_json::Value = serde_json::from_str(&ran.exits(0).stdout).unwrap();
    let results = report["results"].as_object().unwrap();
    assert_eq!(results.keys().collect::<Vec<_>>(), names);
}

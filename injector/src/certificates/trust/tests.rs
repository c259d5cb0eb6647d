use super::*;

fn configuration(bundles: &[Value]) -> Value {
    let webhooks = bundles.iter().map(|bundle| match bundle {
        Value::Null => json!({"name": "a", "clientConfig": {"service": {"name": "s"}}}),
        bundle => {
            json!({"name": "a", "clientConfig": {"service": {"name": "s"}, "caBundle": bundle}})
        }
    });
    json!({"metadata": {"resourceVersion": "7"}, "webhooks": webhooks.collect::<Vec<_>>()})
}

#[test]
fn every_webhook_that_trusts_anything_else_is_repaired() {
    let right = STANDARD.encode("A");
    let mut configuration = configuration(&[
        json!(right),
        Value::Null,
        json!(STANDARD.encode("AB")),
        json!("?"),
        json!(""),
    ]);
    let patch: json_patch::Patch =
        serde_json::from_value(repair(&configuration, "A").unwrap()).unwrap();
    json_patch::patch(&mut configuration, &patch).unwrap();
    for webhook in configuration["webhooks"].as_array().unwrap() {
        assert_eq!(
            webhook["clientConfig"],
            json!({"service": {"name": "s"}, "caBundle": right})
        );
    }
    assert_eq!(patch.0.len(), 1 + 4, "the one that was right is left alone");
    assert_eq!(repair(&configuration, "A"), None);
}

#[test]
fn a_repair_fails_on_another_version_than_was_read() {
    let mut configuration = configuration(&[Value::Null]);
    let patch: json_patch::Patch =
        serde_json::from_value(repair(&configuration, "A").unwrap()).unwrap();
    configuration["metadata"]["resourceVersion"] = json!("8");
    assert!(json_patch::patch(&mut configuration, &patch).is_err());
}

#[test]
fn a_configuration_without_webhooks_needs_no_repair() {
    assert_eq!(repair(&json!({"metadata": {}}), "A"), None);
}

use super::*;
use crate::cause::Cause;
use crate::schema::{faults, normalize};

fn schema_of(name: &str) -> &'static Value {
    let kind = kinds().iter().find(|kind| kind.kind == name).unwrap();
    &kind.schema
}

#[test]
fn all_references_in_schemas_are_resolved() {
    for kind in kinds() {
        let schema = kind.schema.to_string();
        assert!(!schema.contains("$ref"), "{}", kind.kind);
        assert!(schema.len() > 1000, "{}: {schema}", kind.kind);
    }
}

#[test]
fn quantities_and_managed_fields_are_accepted() {
    let mut object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"managedFields": [{"fieldsV1": {"f:spec": {}}}]},
        "spec": {"resources": {"requests": {"storage": 5}}},
    });
    let schema = schema_of("PersistentVolumeClaim");
    normalize(schema, &mut object);
    assert_eq!(object["spec"]["resources"]["requests"]["storage"], "5");
    assert_eq!(faults(schema, &object), []);
}

#[test]
fn errors_in_nested_fields_are_found() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "x": 1},
        "spec": {"replicas": "2", "selector": {}, "template": {"spec": {"containers": [
            {"imagee": "b", "ports": [{"containerPort": 80}],
             "livenessProbe": {"httpGet": {"port": "http"}}}]}}},
    });
    let causes = faults(schema_of("Deployment"), &object);
    let causes: Vec<String> = causes.iter().map(Cause::to_string).collect();
    assert_eq!(
        causes,
        [
            "metadata.x: unknown field",
            "spec.replicas: Invalid value: \"string\": must be of type integer",
            "spec.template.spec.containers[0].name: Required value",
            "spec.template.spec.containers[0].imagee: unknown field",
        ]
    );
}

#[test]
fn single_fields_are_validated_as_by_kubernetes() {
    let service = |port: Value| {
        let object = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"type": "Loadbalancer", "sessionAffinity": "", "ports": [{"port": port}]},
        });
        let causes = faults(schema_of("Service"), &object);
        causes
            .iter()
            .map(|cause| cause.field.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(service(json!(0)), ["spec.type", "spec.ports[0].port"]);
    assert_eq!(service(json!(80)), ["spec.type"]);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
    });
    assert_eq!(faults(schema_of("RoleBinding"), &binding), []);
}

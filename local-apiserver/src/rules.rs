//! What Kubernetes demands of its own kinds beyond their types: the faults that templates are likely to have.
//!
//! A small part of `k8s.io/kubernetes/pkg/apis/*/validation`. What is not here is accepted.

use serde_json::Value;

use crate::kind::{Kind, NameRule};
use crate::names;
use crate::status::Cause;

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// The faults of an object of a built-in kind.
pub(crate) fn faults(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    match kind.kind.as_str() {
        "ConfigMap" => {
            config_keys("data", &object["data"], &mut causes);
            config_keys("binaryData", &object["binaryData"], &mut causes);
            size("[]", &[&object["data"], &object["binaryData"]], &mut causes);
        }
        "Secret" => {
            config_keys("data", &object["data"], &mut causes);
            size("data", &[&object["data"]], &mut causes);
        }
        "Pod" => pod("spec", spec, &mut causes),
        "Deployment" | "StatefulSet" | "DaemonSet" => workload(spec, &mut causes),
        "Job" => job("spec.template.spec", &spec["template"]["spec"], &mut causes),
        "CronJob" => cron_job(spec, &mut causes),
        "Service" => service(spec, &mut causes),
        "Ingress" => ingress(spec, &mut causes),
        "PersistentVolumeClaim" => claim(spec, &mut causes),
        "Role" | "ClusterRole" => rules(&object["rules"], &mut causes),
        "RoleBinding" => binding(&object["roleRef"], r#""Role", "ClusterRole""#, &mut causes),
        "ClusterRoleBinding" => binding(&object["roleRef"], r#""ClusterRole""#, &mut causes),
        _ => {}
    }
    causes
}

fn config_keys(field: &str, data: &Value, causes: &mut Vec<Cause>) {
    for key in data.as_object().into_iter().flat_map(|data| data.keys()) {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(fits) {
            causes.push(Cause::invalid(
                format!("{field}[{key}]"),
                &key.as_str().into(),
                CONFIG_KEY,
            ));
        }
    }
}

/// All values of a ConfigMap or a Secret together are bounded.
fn size(field: &str, data: &[&Value], causes: &mut Vec<Cause>) {
    const MOST: usize = 1024 * 1024;
    let values = data
        .iter()
        .filter_map(|data| data.as_object())
        .flat_map(|data| data.values());
    let total: usize = values.filter_map(Value::as_str).map(str::len).sum();
    if total > MOST {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            field: field.to_owned(),
            message: format!("Too long: may not be more than {MOST} bytes"),
        });
    }
}

fn workload(spec: &Value, causes: &mut Vec<Cause>) {
    let selector = &spec["selector"];
    let labels = &spec["template"]["metadata"]["labels"];
    let wanted = selector["matchLabels"].as_object();
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if is_empty(&selector["matchLabels"]) && is_empty(&selector["matchExpressions"]) {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
    }
    let matches = wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| labels[key] == *value);
    if selector.is_null() || !matches {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
    pod("spec.template.spec", &spec["template"]["spec"], causes);
}

fn job(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    pod(path, spec, causes);
    match spec["restartPolicy"].as_str() {
        Some("OnFailure" | "Never") => {}
        None | Some("") => causes.push(Cause::required(
            format!("{path}.restartPolicy"),
            r#"valid values: "OnFailure", "Never""#,
        )),
        Some(other) => causes.push(Cause::not_supported(
            format!("{path}.restartPolicy"),
            &other.into(),
            r#""OnFailure", "Never""#,
        )),
    }
}

fn cron_job(spec: &Value, causes: &mut Vec<Cause>) {
    if spec["schedule"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("spec.schedule", ""));
    }
    job(
        "spec.jobTemplate.spec.template.spec",
        &spec["jobTemplate"]["spec"]["template"]["spec"],
        causes,
    );
}

fn pod(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    if is_empty(&spec["containers"]) {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    for list in ["containers", "initContainers"] {
        for (i, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let path = format!("{path}.{list}[{i}]");
            let name = container["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                causes.push(Cause::required(format!("{path}.name"), ""));
            } else {
                for why in names::name_faults(NameRule::Label, name, false) {
                    causes.push(Cause::invalid(format!("{path}.name"), &name.into(), &why));
                }
            }
            // A template's image may come later (a webhook's doing), a bare pod's not; but Kubernetes wants it in
            // templates too.
            if container["image"].as_str().is_none_or(str::is_empty) {
                causes.push(Cause::required(format!("{path}.image"), ""));
            }
        }
    }
}

fn service(spec: &Value, causes: &mut Vec<Cause>) {
    let kind = spec["type"].as_str().unwrap_or("ClusterIP");
    if is_empty(&spec["ports"]) && kind != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
}

fn ingress(spec: &Value, causes: &mut Vec<Cause>) {
    if spec["defaultBackend"].is_null() && is_empty(&spec["rules"]) {
        let why = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", spec, why));
    }
}

fn claim(spec: &Value, causes: &mut Vec<Cause>) {
    if is_empty(&spec["accessModes"]) {
        causes.push(Cause::required(
            "spec.accessModes",
            "at least 1 access mode is required",
        ));
    }
    if spec["resources"]["requests"]["storage"].is_null() {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
}

fn rules(rules: &Value, causes: &mut Vec<Cause>) {
    for (i, rule) in rules.as_array().into_iter().flatten().enumerate() {
        let mut required = |field: &str, hint: &str| {
            if is_empty(&rule[field]) {
                causes.push(Cause::required(format!("rules[{i}].{field}"), hint));
            }
        };
        required("verbs", "verbs must contain at least one value");
        if is_empty(&rule["nonResourceURLs"]) {
            required(
                "apiGroups",
                "resource rules must supply at least one api group",
            );
            required(
                "resources",
                "resource rules must supply at least one resource",
            );
        }
    }
}

fn binding(role: &Value, supported: &str, causes: &mut Vec<Cause>) {
    let kind = role["kind"].as_str().unwrap_or_default();
    if kind.is_empty() || !supported.contains(&format!("{kind:?}")) {
        causes.push(Cause::not_supported(
            "roleRef.kind",
            &kind.into(),
            supported,
        ));
    }
    if role["name"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("roleRef.name", ""));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

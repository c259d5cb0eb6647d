use super::*;
use crate::kinds;
use indexmap::IndexMap;

/// Returns the findings about a declaration in the namespace `demo`, each as `error: ...` or `warning: ...`.
fn findings(text: &str) -> Vec<String> {
    let scope = Scope {
        steps: Some(vec!["s".to_owned()]),
        params: Some(IndexMap::new()),
        is_pod: false,
        namespace: Some("demo".to_owned()),
    };
    let node = Declaration::parse_document(text).unwrap();
    let mut examined = Examined::new(&node, Some(text), &scope);
    kinds::check(&node, Some(text), &scope, &mut examined);
    let lines = |severity: &'static str, found: Diagnostics| {
        let lines = found.into_vec().into_iter();
        lines.map(move |one| format!("{severity}: {one}"))
    };
    let errors = lines("error", examined.errors);
    errors.chain(lines("warning", examined.warnings)).collect()
}

/// Asserts that the only finding begins with `expected`, or that there are no findings if `expected` is empty.
#[track_caller]
fn finds(text: &str, expected: &str) {
    let found = findings(text);
    if expected.is_empty() {
        assert!(found.is_empty(), "{text}\n{found:#?}");
    } else {
        assert_eq!(found.len(), 1, "{text}\n{found:#?}");
        assert!(found[0].starts_with(expected), "{text}\n{found:#?}");
    }
}

/// Returns a declaration with two objects: one that uses the output `v`, and one with these fields.
fn object(fields: &str) -> String {
    format!(
        "steps: {{s: [{{name: v}}]}}\nobjects:\n  - {{name: user, resourceTemplate: {{apiVersion: v1, kind: ConfigMap, data: {{v: $(steps.s.v)}}}}}}\n  - {{name: o, {fields}}}\n"
    )
}

/// Returns a declaration like the one from [`object`], but with these fields in the output `v`.
fn output(fields: &str) -> String {
    let whole = object("resourceTemplate: {apiVersion: v1, kind: ConfigMap}");
    whole.replace("{name: v}", &format!("{{name: v, {fields}}}"))
}

const CM: &str = "resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}}";
const POD: &str = "resourceTemplate: {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}";

#[test]
fn a_path_that_no_file_can_have_is_an_error() {
    for (path, expected) in [
        (
            "$GLEANER_OUTPUTS/v",
            "error: steps.s[0].fromPath: no shell expands `$GLEANER_OUTPUTS` in this path; omit fromPath",
        ),
        (
            "/tmp/",
            "error: steps.s[0].fromPath: this path names a directory",
        ),
        (
            "a\\b",
            "warning: steps.s[0].fromPath: the backslash does not separate directories, but is part of the file's name",
        ),
        ("/workspace/v", ""),
    ] {
        finds(&output(&format!("fromPath: '{path}'")), expected);
    }
}

#[test]
fn a_variable_in_a_field_without_replacement_is_an_error() {
    for (fields, expected) in [
        (
            "default: $(params.x)",
            "error: steps.s[0].default: `$(params.x)` is not replaced: a default does not support variables",
        ),
        (
            "type: array, default: [a, '$(steps.s.w)']",
            "error: steps.s[0].default: `$(steps.s.w)` is not replaced",
        ),
        (
            "pattern: $(params.x)",
            "error: steps.s[0].pattern: `$(params.x)` is not replaced",
        ),
        ("default: $(date)", ""),
        ("pattern: 'a$(b)?'", ""),
    ] {
        let text = output(fields);
        let text = text.replace("v: $(steps.s.v)", "v: $(string(steps.s.v))");
        finds(&text, expected);
    }
    let wait = |wait: &str| object(&format!("waitFor: {wait}, {POD}"));
    finds(
        &wait("{jsonPath: .spec.nodeName, value: $(params.x)}"),
        "error: objects[1].waitFor.value: `$(params.x)` is not replaced",
    );
}

#[test]
fn two_templates_that_create_the_same_object_are_an_error() {
    let second = "\n  - {name: p, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: ";
    for (metadata, expected) in [
        (
            "{name: cm}",
            "error: objects[2].resourceTemplate.metadata.name: 'p' and 'o' would be the same object: both are a ConfigMap with this name; give one",
        ),
        ("{name: cm, namespace: other}", ""),
        ("{generateName: cm}", ""),
        (
            "{name: CM2}",
            "error: objects[2].resourceTemplate.metadata.name: Kubernetes rejects",
        ),
        ("{name: cm2}", ""),
    ] {
        finds(
            &format!("{}{second}{metadata}}}}}", object(CM).trim_end()),
            expected,
        );
    }
    let variable = object(&CM.replace("cm", "a-$(steps.s.v)"));
    finds(
        &format!(
            "{}{second}{{name: a-$(steps.s.v)}}}}}}",
            variable.trim_end()
        ),
        "error: objects[2].resourceTemplate.metadata.name: 'p' and 'o' would be the same object",
    );
}

#[test]
fn an_object_that_a_run_cannot_own_is_an_error() {
    let owned = |version: &str, kind: &str, metadata: &str| {
        object(&format!(
            "owned: true, resourceTemplate: {{apiVersion: {version}, kind: {kind}, metadata: {metadata}}}"
        ))
    };
    finds(
        &owned("v1", "Namespace", "{name: x}"),
        "error: objects[1].owned: a run cannot own a Namespace, because a Namespace is cluster-scoped",
    );
    finds(
        &owned("storage.k8s.io/v1", "VolumeAttributesClass", "{name: x}"),
        "error: objects[1].owned: a run cannot own a VolumeAttributesClass",
    );
    finds(
        &owned("v1", "ConfigMap", "{name: x, namespace: other}"),
        "warning: objects[1].resourceTemplate.metadata.namespace: an owned object must be in the run's namespace, which is probably 'demo', not 'other'",
    );
    finds(&owned("v1", "ConfigMap", "{name: x, namespace: demo}"), "");
    finds(
        &owned("v1", "ConfigMap", "{name: x, namespace: $(steps.s.v)}"),
        "",
    );
    finds(&owned("example.com/v1", "Namespace", "{name: x}"), "");
    let new = owned(
        "v1",
        "ConfigMap",
        "{name: x, namespace: $(resources.xs.name)}",
    )
    .replace(
        "objects:\n",
        "objects:\n  - {name: xs, resourceTemplate: {apiVersion: v1, kind: Namespace}}\n",
    );
    finds(
        &new,
        "error: objects[2].resourceTemplate.metadata.namespace: an owned object must be in the run's namespace, but 'xs' is a namespace that this task creates",
    );
}

#[test]
fn an_applied_object_needs_a_name() {
    let template = "policy: Apply, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: ";
    for metadata in ["{}", "{labels: {a: b}}", "{generateName: a-}"] {
        finds(
            &object(&format!("{template}{metadata}}}")),
            "error: objects[1].resourceTemplate: an object with policy Apply needs a name",
        );
    }
    finds(&object(&format!("{template}{{name: a}}}}")), "");
    finds(
        &object(&format!("{template}{{name: $(nope)}}}}")),
        "error: objects[1].resourceTemplate.metadata.name: unknown variable",
    );
}

#[test]
fn a_wait_that_cannot_succeed_is_reported() {
    for (wait, expected) in [
        (
            "{condition: condition=Ready}",
            "error: objects[1].waitFor.condition: 'condition=Ready' is not a condition type; write only the type, Ready",
        ),
        (
            "{condition: Ready=False}",
            "error: objects[1].waitFor.condition: 'Ready=False' is not a condition type; use a condition other than Ready",
        ),
        (
            "{condition: [Ready, '']}",
            "error: objects[1].waitFor.condition[1]: the condition type is empty",
        ),
        (
            "{condition: [Ready, Initialized], failure: {condition: Ready}}",
            "error: objects[1].waitFor.failure: the wait would fail as soon as the object is ready",
        ),
        (
            "{condition: Ready, failure: {condition: DisruptionTarget}}",
            "",
        ),
        (
            "{condition: Redy}",
            "warning: objects[1].waitFor.condition: Kubernetes does not set a condition 'Redy' on a Pod; did you mean 'Ready'?",
        ),
        (
            "{condition: Running}",
            "warning: objects[1].waitFor.condition: Kubernetes does not set a condition 'Running' on a Pod; write jsonPath: .status.phase and value: Running",
        ),
        ("{condition: example.com/gate}", ""),
        (
            "{jsonPath: .status.phase, value: running}",
            "warning: objects[1].waitFor.value: the phase of a Pod is never 'running'; use one of Pending",
        ),
        (
            "{jsonPath: .status.phas}",
            "warning: objects[1].waitFor.jsonPath: a Pod has no field 'phas' at this path in Kubernetes 1.33; did you mean 'phase'?",
        ),
        (
            "{jsonPath: .status.podip}",
            "error: objects[1].waitFor.jsonPath: a Pod has no field 'podip'",
        ),
        ("{jsonPath: .status.phase, value: Succeeded}", ""),
        (
            "{jsonPath: '.status.containerStatuses[0].state.running'}",
            "",
        ),
        (
            "Ready",
            "error: objects[1].waitFor: expected a map, found a string; for example condition: Ready",
        ),
        (
            "{condition: Ready, failure: Failed}",
            "error: objects[1].waitFor.failure: expected a map, found a string; for example",
        ),
        (
            "{conditions: [Ready]}",
            "error: objects[1].waitFor.conditions: unknown field 'conditions'; did you mean 'condition'?",
        ),
        (
            "{condition: Ready, timeout: 30}",
            "error: objects[1].waitFor.timeout: expected a string, found a number; invalid duration '30': use a form such as 500ms, 30s",
        ),
    ] {
        finds(&object(&format!("waitFor: {wait}, {POD}")), expected);
    }
    for (wait, expected) in [
        (
            "{condition: Ready}",
            "error: objects[1].waitFor.condition: a ConfigMap has no status",
        ),
        (
            "{jsonPath: .status.x}",
            "error: objects[1].waitFor.jsonPath: a ConfigMap has no status",
        ),
        ("{jsonPath: .data.x}", ""),
    ] {
        finds(&object(&format!("waitFor: {wait}, {CM}")), expected);
    }
    let other = POD
        .replace("v1", "example.com/v1")
        .replace("kind: Pod", "kind: Other");
    finds(
        &object(&format!("waitFor: {{condition: Odd}}, {other}")),
        "",
    );
    let job = "resourceTemplate: {apiVersion: batch/v1, kind: Job, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}";
    finds(
        &object(&format!("waitFor: {{condition: Completed}}, {job}")),
        "warning: objects[1].waitFor.condition: Kubernetes does not set a condition 'Completed' on a Job; did you mean 'Complete'?",
    );
}

#[test]
fn a_result_from_a_field_that_does_not_exist_is_reported() {
    let service = "resourceTemplate: {apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}";
    for (path, template, expected) in [
        (
            ".spec.clusterip",
            service,
            "error: objects[1].results.r: a Service has no field 'clusterip' at this path in Kubernetes 1.33; did you mean 'clusterIP'?",
        ),
        (".spec.clusterIP", service, ""),
        (".spec.ports[0].nodePort", service, ""),
        (
            ".spec.ports[0].newField",
            service,
            "warning: objects[1].results.r: a Service has no field 'newField'",
        ),
        (".metadata.anything", service, ""),
        (".status.loadBalancer.ingress[0].ip", service, ""),
        (
            ".status.ip",
            CM,
            "error: objects[1].results.r: a ConfigMap has no status",
        ),
        (".data.x", CM, ""),
    ] {
        finds(
            &object(&format!("results: {{r: '{path}'}}, {template}")),
            expected,
        );
    }
}

#[test]
fn an_output_without_a_pattern_in_data_of_a_secret_is_a_warning() {
    let secret = "resourceTemplate: {apiVersion: v1, kind: Secret, data: {v: $(steps.s.v)}}";
    finds(
        &object(secret),
        "warning: objects[1].resourceTemplate.data.v: `$(steps.s.v)` must be base64, because the data of a Secret is encoded; put it under stringData",
    );
    finds(&object(&secret.replace("data", "stringData")), "");
    let pattern =
        object(secret).replace("{name: v}", "{name: v, pattern: '^[A-Za-z0-9+/]*={0,2}$'}");
    finds(&pattern, "");
    let encoded = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "aGk=", "b": "hello!"}});
    assert_eq!(undecodable(&encoded), ["b"]);
}

#[test]
fn an_object_of_kind_list_is_an_error() {
    finds(
        &object("resourceTemplate: {apiVersion: v1, kind: List, items: []}"),
        "error: objects[1].resourceTemplate.kind: a List cannot be created; write an entry under objects for each of its items",
    );
}

#[test]
fn fields_without_effect_are_warnings() {
    for (text, expected) in [
        (
            output("default: "),
            "warning: steps.s[0].default: 'default' has no value, so it has no effect; write the value (\"\" for an empty text)",
        ),
        (
            object(&format!("waitFor: , {CM}")),
            "warning: objects[1].waitFor: 'waitFor' has no value, so it has no effect",
        ),
        (
            object(&CM.replace("name: cm", "name: cm, generateName: cm-")),
            "warning: objects[1].resourceTemplate.metadata.generateName: generateName has no effect if name is set",
        ),
        (
            "{}".to_owned(),
            "warning: the declaration is empty: it has no outputs and creates nothing",
        ),
    ] {
        finds(&text, expected);
    }
}

#[test]
fn the_remedy_for_a_value_of_the_wrong_type_shows_the_right_form() {
    for (text, expected) in [
        (
            output("trim: true"),
            "error: steps.s[0].trim: expected a string, found a boolean; write one of Newline, Whitespace, None",
        ),
        (
            "submit: true\nsteps: {}".to_owned(),
            "error: submit: expected a string, found a boolean; write one of Resolved, Completed, Manual",
        ),
        (
            "steps: {s: [{name: 1}]}".to_owned(),
            "error: steps.s[0].name: expected a string, found a number; '1' is not a valid name",
        ),
        (
            object("resourceTemplate: {apiVersion: 1, kind: ConfigMap}"),
            "error: objects[1].resourceTemplate.apiVersion: expected a string, found a number; for example apiVersion: apps/v1",
        ),
        (
            "steps: [{name: s}]".to_owned(),
            "error: steps: expected a map, found a list; write entries KEY: VALUE, without '- '",
        ),
        (
            "steps: {s: {name: v}}".to_owned(),
            "error: steps.s: expected a list, found a map; begin each item with '- '",
        ),
        (
            "steps: {s: [v]}".to_owned(),
            "error: steps.s[0]: expected a map, found a string; write entries KEY: VALUE",
        ),
        (
            "objects:\n  - name: o\n    resourceTemplate: |\n      kind: ConfigMap\n".to_owned(),
            "error: objects[0].resourceTemplate: expected a map, found a string; remove the | after the key",
        ),
    ] {
        let found = findings(&text);
        assert!(found[0].starts_with(expected), "{text}\n{found:#?}");
        let errors = found.iter().filter(|line| line.starts_with("error"));
        assert_eq!(errors.count(), 1, "{text}\n{found:#?}");
    }
}

#[test]
fn the_truncated_part_of_a_prefix_is_not_checked() {
    let long = format!("generateName: {}-", "a".repeat(300));
    for (name, expected) in [
        (long.as_str(), ""),
        (
            "generateName: App-",
            "error: objects[1].resourceTemplate.metadata.generateName: Kubernetes rejects the name 'App-'; use lower-case letters, digits, '-' and '.', and begin with a letter or digit",
        ),
        (
            "name: $(steps.s.v)-",
            "error: objects[1].resourceTemplate.metadata.name: Kubernetes rejects a name that ends with '-'",
        ),
        (
            "name: -$(steps.s.v)",
            "error: objects[1].resourceTemplate.metadata.name: Kubernetes rejects a name that begins with '-'",
        ),
        ("generateName: $(steps.s.v)-", ""),
        ("name: a-$(steps.s.v)", ""),
        ("name: $(steps.s.v).b", ""),
    ] {
        finds(&object(&CM.replace("name: cm", name)), expected);
    }
}

#[test]
fn go_templates_are_not_reported_but_a_shell_variable_in_an_image_is() {
    let alert = CM.replace(
        "metadata",
        "data: {on: 'at {{ $labels.instance }} ${HOME}'}, metadata",
    );
    finds(&object(&alert), "");
    finds(
        &object(&POD.replace("image: i", "image: 'app:${VERSION}'")),
        "warning: objects[1].resourceTemplate.spec.containers[0].image: `${VERSION}` is not a Gleaner variable and stays as literal text",
    );
    finds(
        &object(&POD.replace(
            "image: i",
            "image: i, env: [{name: a, value: '${VERSION}'}]",
        )),
        "",
    );
}

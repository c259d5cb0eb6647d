//! `gleaner lint`: objects of Kubernetes' own kinds in templates, field by field.

mod support;

use support::gleaner_with_input;

/// Expects the findings for a template, written in flow or block style, each given by the rest of its line after
/// `objects[0].resourceTemplate`.
#[track_caller]
fn finds(template: &str, expected: &[&str]) {
    let template: String = template
        .lines()
        .map(|line| format!("            {line}\n"))
        .collect();
    let task = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: app\n  annotations:\n    gleaner.dev/outputs: |\n      \
         steps: {{build: [{{name: v}}, {{name: num, type: number}}]}}\n      objects:\n        - name: o\n          \
         resourceTemplate:\n{template}        - name: both\n          resourceTemplate: {{apiVersion: v1, kind: \
         ConfigMap, data: {{v: $(steps.build.v), num: $(steps.build.num)}}}}\nspec: {{steps: [{{name: build, image: x, \
         script: 'true'}}]}}\n"
    );
    let ran = gleaner_with_input(&["lint", "-f", "-"], &task);
    assert_eq!(ran.stderr, "");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{template}{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        let (position, found) = line
            .split_once(": objects[0].resourceTemplate")
            .expect(line);
        let level = position.rsplit(' ').next().unwrap_or_default();
        let found = format!("{level}: {}", found.trim_start_matches(['.', ':', ' ']));
        assert!(found.starts_with(expected), "{template}{found}\n{expected}");
    }
    let is_error = expected.iter().any(|line| line.starts_with("error: "));
    assert_eq!(ran.code, i32::from(is_error), "{template}{lines:#?}");
}

#[test]
fn what_the_api_server_fills_in_is_not_required() {
    for template in [
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c}, roleRef: {kind: Role, name: x}}",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: c}, roleRef: {kind: ClusterRole, name: x}}",
        "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: c}, description: x}",
        "{apiVersion: v1, kind: Pod, metadata: {name: c}, spec: {imagePullSecrets: [{}], containers: [{name: c, image: x}], volumes: [{name: i, iscsi: {targetPortal: a, iqn: b}}]}}",
    ] {
        finds(template, &[]);
    }
    finds(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c}, roleRef: {kind: Role}}",
        &["error: roleRef: 'name' is missing"],
    );
}

#[test]
fn metadata_that_is_null_counts_as_absent() {
    for metadata in [
        "metadata:",
        "metadata:\n  labels:\n  annotations:",
        "metadata:\n  creationTimestamp: null\n  ownerReferences:\n  namespace:\n  name: x",
    ] {
        finds(
            &format!("apiVersion: v1\nkind: ConfigMap\n{metadata}\ndata: {{a: }}"),
            &[],
        );
    }
    finds(
        "{apiVersion: v1, kind: ConfigMap, metadata: {creationTimestamp: '2024-01-01T00:00:00Z'}}",
        &["error: metadata.creationTimestamp: metadata.creationTimestamp is set by the API server"],
    );
}

//! What v1alpha1 and v1beta1 called otherwise than v1, and what v1 has no more.

use gleaner_core::document::yaml::Node;

use crate::desk::Desk;
use crate::edit::{self, Edit, list, present, text, text_of};

/// Fields of a step that v1beta1 had deprecated, and v1 has not.
const GONE_FROM_STEPS: [&str; 10] = [
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "stdin",
    "stdinOnce",
    "tty",
];

/// Steps, step template and sidecars of a TaskSpec.
pub(crate) fn containers(spec: &mut Node) -> impl Iterator<Item = &mut Node> {
    let gleaned = match &mut spec.content {
        gleaner_core::document::yaml::Content::Mapping(entries) => entries.as_mut_slice(),
        _ => &mut [],
    };
    gleaned
        .iter_mut()
        .flat_map(|(key, node)| match key.name.as_str() {
            "steps" | "sidecars" => node.items_mut(),
            "stepTemplate" => std::slice::from_mut(node),
            _ => &mut [],
        })
}

/// A TaskSpec.
pub(crate) fn task_spec(spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
    move_field(spec, "containerTemplate", "stepTemplate", place, desk);
    for key in ["steps", "stepTemplate"] {
        let Some(node) = spec.get(key) else { continue };
        let single = std::slice::from_ref(node);
        for (index, step) in node.sequence().unwrap_or(single).iter().enumerate() {
            let (place, also) = match key {
                "steps" => (format!("{place}.steps[{index}]"), None),
                _ => (format!("{place}.{key}"), Some("name")),
            };
            gone_from_step(step, also, &place, desk);
        }
    }
    for container in containers(spec) {
        move_field(container, "resources", "computeResources", place, desk);
    }
}

fn gone_from_step(step: &Node, also: Option<&str>, place: &str, desk: &mut Desk<'_>) {
    for key in GONE_FROM_STEPS.into_iter().chain(also) {
        if let Some(node) = present(step, key) {
            let message = "Tekton v1 has no such field in a step".to_owned();
            let help = "remove it; a container that serves something is a sidecar";
            desk.complain(&format!("{place}.{key}"), node, message, help);
        }
    }
}

/// A reference to a Task or a Pipeline (`taskRef`, `pipelineRef`).
pub(crate) fn reference(node: &mut Node, kind: &str, place: &str, desk: &mut Desk<'_>) {
    let own_version =
        text_of(node, "apiVersion").is_some_and(|text| text.starts_with("tekton.dev/"));
    let own_kind = text_of(node, "kind").is_none_or(|text| text.eq_ignore_ascii_case(kind));
    // With an apiVersion, v1 takes it for a reference to a custom task (tektoncd/pipeline#6457).
    if own_version && own_kind {
        node.take("apiVersion");
    }
    if text_of(node, "kind") == Some("ClusterTask") {
        let message = "Tekton has no ClusterTasks any more".to_owned();
        let help = "make it a Task of this namespace, or refer to one of another with the cluster resolver";
        let at = node.get("kind").unwrap_or(node).clone();
        return desk.complain(&format!("{place}.kind"), &at, message, help);
    }
    if let Some(bundle) = node.take("bundle") {
        let at = bundle.at;
        let named =
            |name: &str, value: Node| edit::map(at, [("name", text(at, name)), ("value", value)]);
        let name = node.take("name").unwrap_or_else(|| text(at, ""));
        node.take("kind");
        let kind = text(at, kind.to_lowercase());
        let params = vec![
            named("bundle", bundle),
            named("name", name),
            named("kind", kind),
        ];
        node.put("resolver", text(at, "bundles"));
        node.put("params", list(at, params));
    }
}

/// A TaskRun's spec, but for its resources.
pub(crate) fn task_run(spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
    move_field(spec, "serviceAccount", "serviceAccountName", place, desk);
    overrides(spec, place, desk);
    if let Some(task) = spec.field_mut("taskRef") {
        reference(task, "Task", &format!("{place}.taskRef"), desk);
    }
}

/// A PipelineRun's spec, but for its resources.
pub(crate) fn pipeline_run(spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
    move_field(spec, "serviceAccount", "serviceAccountName", place, desk);
    for key in ["serviceAccountName", "podTemplate"] {
        if let Some(value) = spec.take(key) {
            let place = format!("{place}.{key}");
            move_into(spec, ("taskRunTemplate", key), value, &place, desk);
        }
    }
    if let Some(timeout) = spec.take("timeout") {
        let place = format!("{place}.timeout");
        move_into(spec, ("timeouts", "pipeline"), timeout, &place, desk);
    }
    for (index, item) in spec
        .field_mut("taskRunSpecs")
        .map_or(&mut [][..], Node::items_mut)
        .iter_mut()
        .enumerate()
    {
        let place = format!("{place}.taskRunSpecs[{index}]");
        move_field(
            item,
            "taskServiceAccountName",
            "serviceAccountName",
            &place,
            desk,
        );
        move_field(item, "taskPodTemplate", "podTemplate", &place, desk);
        overrides(item, &place, desk);
    }
    service_accounts(spec, place, desk);
    if let Some(pipeline) = spec.field_mut("pipelineRef") {
        reference(pipeline, "Pipeline", &format!("{place}.pipelineRef"), desk);
    }
}

/// `serviceAccountNames: [{taskName, serviceAccountName}]` became `taskRunSpecs`.
fn service_accounts(spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
    let Some(names) = spec.take("serviceAccountNames") else {
        return;
    };
    let place = format!("{place}.serviceAccountNames");
    for (index, item) in desk.items(&names, &place).to_vec().iter().enumerate() {
        let place = format!("{place}[{index}]");
        desk.only(item, &place, &["taskName", "serviceAccountName"]);
        let task = desk.text(item, "taskName", &place).unwrap_or_default();
        let account = desk.text(item, "serviceAccountName", &place);
        let account = text(item.at, account.unwrap_or_default());
        let specs = spec.list_mut("taskRunSpecs");
        let same = |found: &&mut Node| text_of(found, "pipelineTaskName") == Some(&task);
        match specs.iter_mut().find(same) {
            Some(found) => found.put("serviceAccountName", account),
            None => specs.push(edit::map(
                item.at,
                [
                    ("pipelineTaskName", text(item.at, task)),
                    ("serviceAccountName", account),
                ],
            )),
        }
    }
}

/// `stepOverrides` and `sidecarOverrides`.
fn overrides(spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
    for (from, to) in [
        ("stepOverrides", "stepSpecs"),
        ("sidecarOverrides", "sidecarSpecs"),
    ] {
        move_field(spec, from, to, place, desk);
        for item in spec.field_mut(to).map_or(&mut [][..], Node::items_mut) {
            let place = format!("{place}.{to}");
            move_field(item, "resources", "computeResources", &place, desk);
        }
    }
}

/// Renames a field, unless that would hide another one.
fn move_field(node: &mut Node, from: &str, to: &str, place: &str, desk: &mut Desk<'_>) {
    let Some(old) = present(node, from) else {
        return;
    };
    if present(node, to).is_some() {
        let (message, old) = (
            format!("{from} is the old name of {to}, and both are here"),
            old.clone(),
        );
        return desk.complain(
            &format!("{place}.{from}"),
            &old,
            message,
            "keep one of them",
        );
    }
    node.take(to);
    node.rename(from, to);
}

/// Sets `parent.key` to what stood at `place`, unless that would hide another value.
fn move_into(
    node: &mut Node,
    (parent, key): (&str, &str),
    value: Node,
    place: &str,
    desk: &mut Desk<'_>,
) {
    let target = node.map_mut(parent);
    if present(target, key).is_some() {
        let message = format!("the old place of {parent}.{key}, and that is here, too");
        return desk.complain(place, &value, message, "keep one of them");
    }
    target.put(key, value);
}

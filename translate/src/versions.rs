//! Fields of v1alpha1 and v1beta1 that v1 renamed, moved or removed.

use gleaner_core::document::{Cursor, Diagnostics, Node, Place};

const NO_SUCH_FIELD: &str = "Tekton v1 has no such field";

/// Fields of a step that v1beta1 deprecated and v1 removed.
const REMOVED_FROM_STEPS: [&str; 10] = [
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

/// Fields of runs that v1 removed, with the remedy.
const REMOVED_FROM_RUNS: [(&str, &str); 5] = [
    (
        "stepOverrides",
        "rename it to stepSpecs, and resources in it to computeResources",
    ),
    (
        "sidecarOverrides",
        "rename it to sidecarSpecs, and resources in it to computeResources",
    ),
    (
        "serviceAccountNames",
        "use taskRunSpecs, with pipelineTaskName and serviceAccountName",
    ),
    ("taskServiceAccountName", "rename it to serviceAccountName"),
    ("taskPodTemplate", "rename it to podTemplate"),
];

/// Renames fields of the TaskSpec at `place`; reports those that v1 removed.
pub(crate) fn task_spec(spec: &mut Node, place: &Place, found: &mut Diagnostics) {
    rename(spec, place, "containerTemplate", "stepTemplate", found);
    let cursor = Cursor::new(spec, place.clone());
    let template = cursor.field("stepTemplate");
    for step in cursor.items_at("steps", found).iter().chain(&template) {
        removed_from_step(step, &REMOVED_FROM_STEPS, found);
    }
    if let Some(template) = &template {
        removed_from_step(template, &["name"], found);
    }
    for container in containers(spec) {
        rename(container, place, "resources", "computeResources", found);
    }
}

/// The steps, the step template and the sidecars of a TaskSpec.
pub(crate) fn containers(spec: &mut Node) -> impl Iterator<Item = &mut Node> {
    let entries = spec.entries_mut().into_iter().flatten();
    entries.flat_map(|(key, node)| match key.name.as_str() {
        "steps" | "sidecars" => node.items_mut(),
        "stepTemplate" => std::slice::from_mut(node),
        _ => &mut [],
    })
}

/// Renames fields of a TaskRun's spec; reports those that v1 removed.
pub(crate) fn task_run(spec: &mut Node, found: &mut Diagnostics) {
    let place = Place::from(["spec"]);
    rename(spec, &place, "serviceAccount", "serviceAccountName", found);
    removed_from_run(&Cursor::new(spec, place.clone()), found);
    reference(spec, &place, "taskRef", "Task", found);
}

/// Renames and moves fields of a PipelineRun's spec; reports those that v1 removed.
pub(crate) fn pipeline_run(spec: &mut Node, found: &mut Diagnostics) {
    let place = Place::from(["spec"]);
    rename(spec, &place, "serviceAccount", "serviceAccountName", found);
    for (from, parent, key) in [
        (
            "serviceAccountName",
            "taskRunTemplate",
            "serviceAccountName",
        ),
        ("podTemplate", "taskRunTemplate", "podTemplate"),
        ("timeout", "timeouts", "pipeline"),
    ] {
        move_into(spec, &place, from, (parent, key), found);
    }
    let cursor = Cursor::new(spec, place.clone());
    removed_from_run(&cursor, found);
    for item in cursor.items_at("taskRunSpecs", found) {
        removed_from_run(&item, found);
    }
    reference(spec, &place, "pipelineRef", "Pipeline", found);
}

/// Translates the reference to a Task or a Pipeline in the field `key`.
pub(crate) fn reference(
    node: &mut Node,
    place: &Place,
    key: &str,
    kind: &str,
    found: &mut Diagnostics,
) {
    let Some(reference) = node.field_mut(key) else {
        return;
    };
    let version = reference.text_of("apiVersion").unwrap_or_default();
    let own_kind = reference.text_of("kind");
    let own_kind = own_kind.is_none_or(|text| text.eq_ignore_ascii_case(kind));
    // With an apiVersion, v1 takes it for a reference to a custom task (tektoncd/pipeline#6457).
    if version.starts_with("tekton.dev/") && own_kind {
        reference.take("apiVersion");
    }
    let cursor = Cursor::new(reference, place.key(key));
    if let Some(kind) = cursor.field("kind")
        && kind.node.as_str() == Some("ClusterTask")
    {
        let message = "Tekton has no ClusterTasks any more";
        let help = "make it a Task of this namespace, or refer to one of another with the cluster resolver";
        found.push(kind.diagnostic(message).help(help));
    }
    if let Some(bundle) = cursor.field("bundle") {
        let help = "use resolver: bundles, with the params bundle, name and kind";
        found.push(bundle.diagnostic(NO_SUCH_FIELD).help(help));
    }
}

fn removed_from_step(step: &Cursor<'_>, removed: &[&str], found: &mut Diagnostics) {
    for field in removed.iter().filter_map(|key| step.field(key)) {
        let message = format!("{NO_SUCH_FIELD} in a step");
        let help = "remove it; a container that serves something is a sidecar";
        found.push(field.diagnostic(message).help(help));
    }
}

fn removed_from_run(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for (key, help) in REMOVED_FROM_RUNS {
        if let Some(field) = spec.field(key) {
            found.push(field.diagnostic(NO_SUCH_FIELD).help(help));
        }
    }
}

/// Renames a field, unless there is one of the new name.
fn rename(node: &mut Node, place: &Place, from: &str, to: &str, found: &mut Diagnostics) {
    let Some(old) = node.present(from) else {
        return;
    };
    if node.present(to).is_some() {
        let message = format!("{from} is the old name of {to}, and both are here");
        let old = Cursor::new(old, place.key(from));
        return found.push(old.diagnostic(message).help("keep one of them"));
    }
    node.take(to);
    let entries = node.entries_mut().into_iter().flatten();
    for (key, _) in entries.filter(|(key, _)| key.name == from) {
        to.clone_into(&mut key.name);
    }
}

/// Moves the field `from` to `parent.key`, unless that is there.
fn move_into(
    node: &mut Node,
    place: &Place,
    from: &str,
    (parent, key): (&str, &str),
    found: &mut Diagnostics,
) {
    let Some(value) = node.take(from) else {
        return;
    };
    let Some(target) = node.map_at_mut(parent) else {
        return;
    };
    if target.present(key).is_some() {
        let message = format!("the old place of {parent}.{key}, and that is here, too");
        let old = Cursor::new(&value, place.key(from));
        found.push(old.diagnostic(message).help("keep one of them"));
    } else {
        target.put(key, value);
    }
}

//! Fields of Tasks and references in v1alpha1 and v1beta1 that v1 renamed, moved or removed.

use gleaner_core::document::{Content, Cursor, Diagnostics, Node, Place};
use serde_json::json;

pub(crate) const NO_SUCH_FIELD: &str = "Tekton v1 has no such field";

/// The fields of steps that v1beta1 deprecated and v1 removed.
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

/// Renames fields in the TaskSpec at `place`; reports fields that v1 removed.
pub(crate) fn task_spec(spec: &mut Node, place: &Place, found: &mut Diagnostics) {
    rename(spec, place, "containerTemplate", "stepTemplate", found);
    if let Some(template) = spec.field_mut("stepTemplate") {
        // Remove the name, because it never had an effect (`MergeStepsWithStepTemplate`, `pkg/apis/pipeline/v1/merge.go`).
        template.take("name");
        removed_from_step(template, &place.key("stepTemplate"), found);
    }
    let list = place.key("steps");
    for (index, step) in spec.items_at_mut("steps").iter_mut().enumerate() {
        removed_from_step(step, &list.index(index), found);
    }
    for container in containers(spec) {
        rename(container, place, "resources", "computeResources", found);
    }
}

/// Returns the containers in a TaskSpec: the steps, the step template and the sidecars.
pub(crate) fn containers(spec: &mut Node) -> impl Iterator<Item = &mut Node> {
    let entries = spec.entries_mut().into_iter().flatten();
    entries.flat_map(|(key, node)| match key.name.as_str() {
        "steps" | "sidecars" => node.items_mut(),
        "stepTemplate" => std::slice::from_mut(node),
        _ => &mut [],
    })
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
    // Remove the apiVersion, because v1 treats a reference with an apiVersion as a reference to a custom task
    // (tektoncd/pipeline#6457).
    if version.starts_with("tekton.dev/") && own_kind {
        reference.take("apiVersion");
    }
    let cursor = Cursor::new(reference, place.key(key));
    if let Some(kind) = cursor.field("kind")
        && kind.node.as_str() == Some("ClusterTask")
    {
        let message = "Tekton has removed ClusterTasks";
        let help = "use a Task in this namespace, or refer to one in another namespace with the cluster resolver";
        found.push(kind.diagnostic(message).help(help));
    }
    if cursor.field("bundle").is_some() {
        bundle(reference, &place.key(key), kind, found);
    }
}

/// Converts a reference with a `bundle` to a reference to the bundles resolver, as Tekton's own conversion does
/// (`convertBundleToResolver`, `pkg/apis/pipeline/v1beta1`).
fn bundle(reference: &mut Node, place: &Place, kind: &str, found: &mut Diagnostics) {
    let cursor = Cursor::new(reference, place.clone());
    cursor.fields(&["name", "kind", "bundle"], found);
    let (Some(name), Some(bundle)) = (cursor.name(found), cursor.text_at("bundle", found)) else {
        return;
    };
    let param = |name: &str, value: &str| json!({"name": name, "value": value});
    let resolved = json!({
        "resolver": "bundles",
        "params": [param("bundle", &bundle), param("name", &name), param("kind", &kind.to_lowercase())],
    });
    *reference = Node::derived(reference.at, resolved);
}

/// Handles the fields of a step that do not exist in v1: removes empty fields, and reports fields that are not empty.
fn removed_from_step(step: &mut Node, place: &Place, found: &mut Diagnostics) {
    for key in REMOVED_FROM_STEPS {
        let Some(value) = step.present(key) else {
            continue;
        };
        let is_empty = match &value.content {
            Content::Sequence(items) => items.is_empty(),
            Content::Mapping(entries) => entries.is_empty(),
            Content::String(text) => text.is_empty(),
            content => *content == Content::Boolean(false),
        };
        if is_empty {
            step.take(key);
            continue;
        }
        let message = format!("{NO_SUCH_FIELD} in a step");
        let help = "remove it; to run a server, use a sidecar";
        let field = Cursor::new(value, place.key(key));
        found.push(field.diagnostic(message).help(help));
    }
}

/// Renames the field `from` to `to`; reports an error if the field `to` already exists.
pub(crate) fn rename(
    node: &mut Node,
    place: &Place,
    from: &str,
    to: &str,
    found: &mut Diagnostics,
) {
    let Some(old) = node.present(from) else {
        return;
    };
    if node.present(to).is_some() {
        let message = format!("{from} is the old name of {to}, but both are set");
        let old = Cursor::new(old, place.key(from));
        return found.push(old.diagnostic(message).help("keep one of them"));
    }
    node.take(to);
    let entries = node.entries_mut().into_iter().flatten();
    for (key, _) in entries.filter(|(key, _)| key.name == from) {
        to.clone_into(&mut key.name);
    }
}

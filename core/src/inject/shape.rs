//! Checks the types of the fields that injection reads and extends: lists of maps, lists of strings, and maps. Like the API
//! server, reports a field of any other type as an error.

use std::collections::HashSet;

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics};
use crate::inject::quantity;

/// The lists in a TaskSpec. The flag is true if the list's items are containers.
const OF_TASK: [(&str, bool); 6] = [
    ("steps", true),
    ("sidecars", true),
    ("results", false),
    ("volumes", false),
    ("params", false),
    ("workspaces", false),
];

/// The lists in a pod's spec. The flag is true if the list's items are containers.
const OF_POD: [(&str, bool); 4] = [
    ("initContainers", true),
    ("containers", true),
    ("ephemeralContainers", true),
    ("volumes", false),
];

/// Checks a TaskSpec.
pub(crate) fn task(spec: &Cursor<'_>, found: &mut Diagnostics) {
    lists(spec, &OF_TASK, found);
    if let Some(template) = spec.field("stepTemplate") {
        container(&template, found);
    }
}

/// Checks a pod.
pub(crate) fn pod(pod: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(metadata) = pod.field("metadata") {
        for (key, value) in metadata.entries(found) {
            match key {
                "annotations" | "labels" if value.node.content != Content::Null => {
                    value.entries(found);
                }
                "ownerReferences" => maps(&value, found),
                _ => {}
            }
        }
    }
    let Some(spec) = pod.field("spec") else {
        return found.add(pod, "the pod has no spec", None);
    };
    lists(&spec, &OF_POD, found);
    resources(&spec, found);
    quantities(&spec, found);
    if found.is_empty() {
        containers(&spec, found);
    }
}

/// Checks the names and images of a pod's containers (`k8s.io/kubernetes/pkg/apis/core/validation`,
/// `validateContainers` and `validateInitContainers`).
fn containers(spec: &Cursor<'_>, found: &mut Diagnostics) {
    if spec.node.list_of("containers").is_empty() {
        let help = match spec.field("steps") {
            Some(_) => "steps belong in a Task (apiVersion: tekton.dev/v1, kind: Task)",
            None => "add at least one container",
        };
        let place = spec.place.key("containers");
        let diagnostic = Diagnostic::new(place, None, "the pod has no containers");
        found.push(diagnostic.help(help).about(Part::Key));
    }
    let mut names = HashSet::new();
    for list in ["initContainers", "containers"] {
        for container in spec.items_at(list, &mut Diagnostics::default()) {
            match container.field("name") {
                None => {
                    container.required("name", "main", found);
                }
                Some(name) if !names.insert(name.node.as_str()) => {
                    let text = name.node.as_str().unwrap_or_default();
                    let message = format!("the pod has two containers named '{text}'");
                    found.refuse(&name, message, "rename one of them");
                }
                Some(_) => {}
            }
            container.required("image", "busybox", found);
        }
    }
}

/// Checks the requests and limits of the pod itself and of its containers.
fn quantities(spec: &Cursor<'_>, found: &mut Diagnostics) {
    let mut ignored = Diagnostics::default();
    let lists = ["initContainers", "containers"].into_iter();
    let containers = lists.flat_map(|list| spec.items_at(list, &mut Diagnostics::default()));
    for owner in containers.chain([spec.clone()]) {
        let resources = owner.field("resources").into_iter();
        let lists = resources.flat_map(|resources| {
            ["requests", "limits"].map(|list| resources.entries_at(list, &mut ignored))
        });
        for (_, amount) in lists.collect::<Vec<_>>().concat() {
            let text = amount.node.as_str();
            if let Some(Err(message)) = text.map(quantity::parse) {
                found.add(&amount, message, None);
            }
        }
    }
}

fn lists(spec: &Cursor<'_>, lists: &[(&str, bool)], found: &mut Diagnostics) {
    if spec.node.mapping().is_none() {
        return spec.expected("a map", found);
    }
    for (list, has_containers) in lists {
        if let Some(list) = spec.field(list)
            && list.node.sequence().is_none()
        {
            found.refuse(&list, "must be a list", "write '- ' before each item");
            continue;
        }
        for item in spec.items_at(list, found) {
            if *has_containers {
                container(&item, found);
            } else if item.node.mapping().is_none() {
                item.expected("a map", found);
            }
        }
    }
}

fn container(container: &Cursor<'_>, found: &mut Diagnostics) {
    if container.node.mapping().is_none() {
        return container.expected("a map", found);
    }
    for key in ["command", "args"] {
        for item in container.items_at(key, found) {
            item.text(found);
        }
    }
    for key in [
        "env",
        "envFrom",
        "ports",
        "volumeDevices",
        "volumeMounts",
        "restartPolicyRules",
    ] {
        if let Some(list) = container.field(key) {
            maps(&list, found);
        }
    }
    for key in ["script", "name", "terminationMessagePath", "restartPolicy"] {
        if let Some(text) = container.field(key) {
            text.text(found);
        }
    }
    for key in [
        "securityContext",
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
    ] {
        container.entries_at(key, found);
    }
    resources(container, found);
}

fn resources(parent: &Cursor<'_>, found: &mut Diagnostics) {
    for key in ["resources", "computeResources"] {
        if let Some(resources) = parent.field(key) {
            resources.entries(found);
            resources.entries_at("requests", found);
            resources.entries_at("limits", found);
        }
    }
}

fn maps(list: &Cursor<'_>, found: &mut Diagnostics) {
    if list.node.content == Content::Null {
        return;
    }
    for item in list.items(found) {
        if item.node.mapping().is_none() {
            item.expected("a map", found);
        }
    }
}

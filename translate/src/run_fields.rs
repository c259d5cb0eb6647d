//! Fields of runs that v1 renamed, moved or removed.

use gleaner_core::document::{Cursor, Diagnostics, Node, Place};
use serde_json::json;

use crate::versions::{NO_SUCH_FIELD, reference, rename};

/// The fields of runs in v1alpha1 and v1beta1 that v1 removed, each with the remedy.
const REMOVED: [(&str, &str); 2] = [
    (
        "trigger",
        "remove it, and start runs with an EventListener of Tekton Triggers",
    ),
    (
        "results",
        "remove it: a run's results are in its status, and Tekton Results can store them",
    ),
];

/// The pod fields that were directly in a run's spec before `podTemplate` existed.
const OF_POD: [&str; 3] = ["nodeSelector", "tolerations", "affinity"];

/// Renames and moves fields in a TaskRun's spec; reports fields that v1 removed.
pub(crate) fn task_run(spec: &mut Node, found: &mut Diagnostics) {
    let place = Place::from(["spec"]);
    common(spec, &place, found);
    specs(spec, &place, found);
    reference(spec, &place, "taskRef", "Task", found);
}

/// Renames and moves fields in a PipelineRun's spec; reports fields that v1 removed.
pub(crate) fn pipeline_run(spec: &mut Node, found: &mut Diagnostics) {
    let place = Place::from(["spec"]);
    common(spec, &place, found);
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
    if let Some(status) = spec.field_mut("status")
        && status.as_str() == Some("PipelineRunCancelled")
    {
        *status = Node::derived(status.at, "Cancelled");
    }
    let list = place.key("taskRunSpecs");
    for (index, item) in spec.items_at_mut("taskRunSpecs").iter_mut().enumerate() {
        let place = list.index(index);
        for (from, to) in [
            ("taskServiceAccountName", "serviceAccountName"),
            ("taskPodTemplate", "podTemplate"),
        ] {
            rename(item, &place, from, to, found);
        }
        specs(item, &place, found);
    }
    service_accounts(spec, &place, found);
    reference(spec, &place, "pipelineRef", "Pipeline", found);
}

fn common(spec: &mut Node, place: &Place, found: &mut Diagnostics) {
    rename(spec, place, "serviceAccount", "serviceAccountName", found);
    for key in OF_POD {
        move_into(spec, place, key, ("podTemplate", key), found);
    }
    let cursor = Cursor::new(spec, place.clone());
    for (key, help) in REMOVED {
        if let Some(field) = cursor.field(key) {
            found.push(field.diagnostic(NO_SUCH_FIELD).help(help));
        }
    }
}

/// Renames the v1beta1 fields `stepOverrides` and `sidecarOverrides`, and the field `resources` in each of their items.
fn specs(node: &mut Node, place: &Place, found: &mut Diagnostics) {
    for (from, to) in [
        ("stepOverrides", "stepSpecs"),
        ("sidecarOverrides", "sidecarSpecs"),
    ] {
        rename(node, place, from, to, found);
        for (index, item) in node.items_at_mut(to).iter_mut().enumerate() {
            let place = place.key(to).index(index);
            rename(item, &place, "resources", "computeResources", found);
        }
    }
}

/// Translates the v1alpha1 field `serviceAccountNames` to `taskRunSpecs`.
fn service_accounts(spec: &mut Node, place: &Place, found: &mut Diagnostics) {
    let Some(names) = spec.take("serviceAccountNames") else {
        return;
    };
    for item in Cursor::new(&names, place.key("serviceAccountNames")).items(found) {
        item.fields(&["taskName", "serviceAccountName"], found);
        let task = item.text_at("taskName", found);
        let account = item.text_at("serviceAccountName", found);
        let (Some(task), Some(account)) = (task, account) else {
            let message = "taskName and serviceAccountName are required";
            found.push(item.diagnostic(message));
            continue;
        };
        let at = item.node.at;
        let mut specs = spec.items_at_mut("taskRunSpecs").iter_mut();
        match specs.find(|own| own.text_of("pipelineTaskName") == Some(&task)) {
            None => {
                let own = json!({"pipelineTaskName": task, "serviceAccountName": account});
                spec.push_at("taskRunSpecs", Node::derived(at, own));
            }
            Some(own) if own.present("serviceAccountName").is_none() => {
                own.put("serviceAccountName", Node::derived(at, account));
            }
            Some(_) => {
                let message = format!("taskRunSpecs also sets a ServiceAccount for '{task}'");
                found.refuse(&item, message, "keep one of them");
            }
        }
    }
}

/// Moves the field `from` to `parent.key`; reports an error if `parent.key` already exists.
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
        let message = format!("{from} was replaced by {parent}.{key}, but both are set");
        let old = Cursor::new(&value, place.key(from));
        found.push(old.diagnostic(message).help("keep one of them"));
    } else {
        target.put(key, value);
    }
}

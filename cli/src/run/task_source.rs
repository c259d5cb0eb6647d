//! From a place in a document to a Task that can be run: fields, StepActions, declaration, variables and volumes.

use std::collections::BTreeSet;

use gleaner_core::declaration::Declaration;
use gleaner_core::document::{Cursor, Diagnostics, Finding, Node, Place};
use gleaner_core::task::{DeclarationSite, Task, TaskSpec, step_variables};
use serde_json::json;

use super::documents::{Document, Documents};
use super::fields;
use super::model::{Mount, Mounts};
use super::step_actions;

/// A Task that was read, and what it needs.
#[derive(Debug)]
pub(crate) struct ReadTask {
    pub(crate) task: Task,
    pub(crate) mounts: Mounts,
    /// True if it declares outputs.
    pub(crate) declares: bool,
}

/// Reads the TaskSpec at `place`. `workspaces` are those of what it is embedded in, which it has without declaring them.
///
/// # Errors
/// Everything that is wrong with it and with its declaration.
pub(crate) fn read(
    document: Document<'_>,
    place: &Place,
    workspaces: Option<&BTreeSet<String>>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<ReadTask, Vec<Finding>> {
    let mut found = Diagnostics::default();
    if let Some(spec) = document.node.find(place) {
        let spec = Cursor::new(spec, place.clone());
        fields::check_task(&spec, &mut found, cluster);
    }
    found.finish(()).map_err(|found| document.errors(found))?;
    let node = step_actions::resolve(document, place, documents, cluster)?;
    let original = document.node;
    let document = Document {
        node: &node,
        ..document
    };
    let errors = |found| document.errors(found);
    let sites = DeclarationSite::all(&node);
    let site = sites.iter().find(|site| site.task_spec() == Some(place));
    let site = site.ok_or_else(|| {
        let message = "there is no TaskSpec here";
        document.errors(vec![Cursor::new(&node, place.clone()).diagnostic(message)])
    })?;
    let spec = site.task().map_err(errors)?.unwrap_or_default();
    let declared = site.declaration(document.source).map_err(errors)?;
    let spec = with_workspaces(spec, workspaces);
    let embedded = workspaces.is_some();
    let cursor = node
        .find(place)
        .map(|node| Cursor::new(node, place.clone()));
    let cursor = cursor.unwrap_or_else(|| Cursor::root(&node));
    // Of the original document: the texts of StepActions are checked in theirs.
    if let Some(written) = original.find(place) {
        let written = Cursor::new(written, place.clone());
        let wrong = step_variables::of_steps(&written, site, &spec);
        let wrong = wrong.in_document(original, document.source);
        if !wrong.is_empty() {
            return Err(errors(wrong));
        }
    }
    let mounts = mounts(&cursor, &spec, cluster);
    let declares = declared.is_some();
    let (declaration, json) = match declared {
        Some(declared) => (declared.declaration, declared.document.to_json()),
        None => (Declaration::default(), json!({"steps": {}})),
    };
    Ok(ReadTask {
        task: Task {
            name: if embedded {
                String::new()
            } else {
                document.name().to_owned()
            },
            spec,
            declaration,
            document: json,
        },
        mounts,
        declares,
    })
}

/// Adds the workspaces that a spec has of what it is embedded in (Tekton's "propagated workspaces").
fn with_workspaces(mut spec: TaskSpec, workspaces: Option<&BTreeSet<String>>) -> TaskSpec {
    for name in workspaces.into_iter().flatten() {
        if spec
            .workspaces
            .iter()
            .all(|workspace| workspace.name != *name)
        {
            spec.workspaces.push(gleaner_core::task::spec::Workspace {
                name: name.clone(),
                mount_path: format!("/workspace/{name}"),
                optional: true,
                read_only: false,
            });
        }
    }
    spec
}

/// The mounts of volumes that are empty directories; other volumes are a cluster's.
fn mounts(spec: &Cursor<'_>, task: &TaskSpec, cluster: &mut BTreeSet<&'static str>) -> Mounts {
    let unread = &mut Diagnostics::default();
    let is_empty = |volume: &Node| volume.present("emptyDir").is_some();
    let volumes = spec.items_at("volumes", unread);
    let empty: Vec<&str> = volumes
        .iter()
        .filter(|volume| is_empty(volume.node))
        .filter_map(|volume| volume.node.text_of("name"))
        .collect();
    if empty.len() < volumes.len() {
        cluster.insert("volumes other than emptyDir");
    }
    let of = |step: &Cursor<'_>| {
        let items = step.items_at("volumeMounts", &mut Diagnostics::default());
        let mounts = items.into_iter().filter_map(|item| {
            let volume = item.node.text_of("name")?;
            Some(Mount {
                volume: volume.to_owned(),
                path: item.node.text_of("mountPath")?.to_owned(),
                sub_path: item.node.text_of("subPath").map(str::to_owned),
            })
        });
        mounts
            .filter(|mount| empty.contains(&mount.volume.as_str()))
            .collect::<Vec<_>>()
    };
    let template = spec.field("stepTemplate");
    let template = template.map(|template| of(&template)).unwrap_or_default();
    let steps = spec.items_at("steps", unread);
    let of_steps = task.steps.iter().zip(&steps).map(|(step, node)| {
        let mut mounts = of(node);
        mounts.extend(template.iter().cloned());
        (step.name.clone(), mounts)
    });
    of_steps.collect()
}

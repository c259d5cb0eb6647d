//! Reads the Task to run from its place in a document: its fields, StepActions, declaration, variables and volumes.

use std::collections::BTreeSet;

use gleaner_core::declaration::Declaration;
use gleaner_core::document::{Cursor, Diagnostics, Finding, Node, Place};
use gleaner_core::inject::removal;
use gleaner_core::task::{DeclarationSite, Task, TaskSpec, step_variables, structure};
use serde_json::json;

use super::documents::{Document, Documents};
use super::fields;
use super::model::{Mount, Mounts};
use super::step_actions;

/// A parsed Task, and the volumes that its steps mount.
#[derive(Debug)]
pub(crate) struct ReadTask {
    pub(crate) task: Task,
    pub(crate) mounts: Mounts,
    /// True if the Task declares outputs.
    pub(crate) declares: bool,
}

/// Reads the TaskSpec at `place`. `inherited` contains the workspaces that an embedded spec may use without declaring them; it is
/// `None` for the spec of a Task.
///
/// # Errors
/// All errors in the TaskSpec, its declaration and its StepActions.
pub(crate) fn read(
    document: Document<'_>,
    place: &Place,
    inherited: Option<&BTreeSet<String>>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<ReadTask, Vec<Finding>> {
    let mut found = Diagnostics::default();
    if let Some(spec) = document.node.find(place) {
        let spec = Cursor::new(spec, place.clone());
        refuse_injected(document, &spec, &mut found);
        fields::check_task(&spec, &mut found, cluster);
        let none = BTreeSet::new();
        structure::check(&spec, Some(inherited.unwrap_or(&none)), &mut found);
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
        let message = "missing TaskSpec";
        document.errors(vec![Cursor::new(&node, place.clone()).diagnostic(message)])
    })?;
    let spec = site.task().map_err(errors)?.unwrap_or_default();
    let declared = site.declaration(document.source).map_err(errors)?;
    let spec = with_workspaces(spec, inherited);
    let embedded = inherited.is_some();
    let cursor = node
        .find(place)
        .map(|node| Cursor::new(node, place.clone()));
    let cursor = cursor.unwrap_or_else(|| Cursor::root(&node));
    // Check only the original text here. The strings of StepActions are checked in their own documents.
    if let Some(written) = original.find(place) {
        let written = Cursor::new(written, place.clone());
        let wrong = step_variables::of_steps(&written, site, &spec);
        let wrong = wrong.in_document(original, document.source);
        if !wrong.is_empty() {
            return Err(errors(wrong));
        }
    }
    let mut found = Diagnostics::default();
    let mounts = mounts(&cursor, &spec, cluster, &mut found);
    found.finish(()).map_err(errors)?;
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

/// Reports a TaskSpec into which Gleaner is already injected, because its steps start programs that exist only in Gleaner's
/// image.
fn refuse_injected(document: Document<'_>, spec: &Cursor<'_>, found: &mut Diagnostics) {
    let removed = removal::remove(&document.node.to_json());
    if removed.injected.contains(&spec.place) {
        let message = "Gleaner is already injected into this TaskSpec, so only a pod can run it";
        let help = "run the original document, or remove Gleaner first: `gleaner uninject -f FILE | gleaner run -f -`";
        found.refuse(spec, message, help);
    }
}

/// Adds the workspaces that a spec inherits from the document that embeds it (Tekton's "propagated workspaces").
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

/// Returns the workspaces for which a step sets its own `mountPath`.
fn workspace_mounts(step: &Cursor<'_>) -> Vec<Mount> {
    let items = step.node.list_of("workspaces").iter();
    let mounts = items.filter_map(|item| {
        Some(Mount {
            volume: item.text_of("name")?.to_owned(),
            is_workspace: true,
            path: item
                .text_of("mountPath")
                .filter(|path| !path.is_empty())?
                .to_owned(),
            sub_path: None,
        })
    });
    mounts.collect()
}

/// Returns each step's mounts of emptyDir volumes and workspaces. All other volumes, including those in a pod template, exist
/// only in a cluster.
fn mounts(
    spec: &Cursor<'_>,
    task: &TaskSpec,
    cluster: &mut BTreeSet<&'static str>,
    found: &mut Diagnostics,
) -> Mounts {
    let is_empty = |volume: &&Node| volume.present("emptyDir").is_some();
    let volumes = spec.node.list_of("volumes");
    let empty = volumes.iter().filter(is_empty);
    let empty: Vec<&str> = empty.filter_map(|volume| volume.text_of("name")).collect();
    let mut has_others = empty.len() < volumes.len();
    let mut of = |step: &Cursor<'_>| {
        let mut mounts = Vec::new();
        for item in step.items_at("volumeMounts", found) {
            let path = item.required("mountPath", "/cache", found);
            let (Some(volume), Some(path)) = (item.name(found), path) else {
                continue;
            };
            if !empty.contains(&volume.as_str()) {
                has_others = true;
                continue;
            }
            if let Some(expression) = item.field("subPathExpr") {
                let message = "`gleaner run` does not support 'subPathExpr'";
                found.refuse(&expression, message, "use subPath to run the task here");
            }
            if fields::is_set(&item, "readOnly") {
                cluster.insert("read-only mounts");
            }
            if let Some(path) = path.text(found) {
                mounts.push(Mount {
                    volume,
                    is_workspace: false,
                    path: path.to_owned(),
                    sub_path: item.text_at("subPath", found),
                });
            }
        }
        mounts
    };
    let template = spec.field("stepTemplate");
    let template = template.map(|template| of(&template)).unwrap_or_default();
    let steps = spec.items_at("steps", &mut Diagnostics::default());
    let of_steps = task.steps.iter().zip(&steps).map(|(step, node)| {
        let mut mounts = of(node);
        mounts.extend(workspace_mounts(node));
        mounts.extend(template.iter().cloned());
        (step.name.clone(), mounts)
    });
    let mounts = of_steps.collect();
    if has_others {
        cluster.insert("volumes other than emptyDir");
    }
    mounts
}

//! Reads the workspaces for a run: the bindings in the run's document, and the directories from the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gleaner_core::document::{Cursor, Diagnostics};

use super::fields;
use super::model::{BoundWorkspace, Volume};
use super::paths::leads_out;
use crate::values::{Assignment, did_you_mean};

/// The directories from the `--workspace` flags, by workspace name.
pub(crate) type Given = BTreeMap<String, PathBuf>;

/// Reads the `--workspace NAME=DIR` flags. Each name must be in `known`.
pub(crate) fn given(
    assignments: &[Assignment],
    known: &[String],
    errors: &mut Vec<String>,
) -> Given {
    let mut given = Given::new();
    for Assignment { name, value } in assignments {
        if !known.contains(name) {
            let help = did_you_mean(name, known);
            errors.push(format!("--workspace: unknown workspace '{name}'{help}"));
            continue;
        }
        match existing_directory(value) {
            Ok(directory) => {
                if given.insert(name.clone(), directory).is_some() {
                    errors.push(format!("--workspace: duplicate workspace '{name}'"));
                }
            }
            Err(error) => errors.push(format!("--workspace {name}={value}: {error}")),
        }
    }
    given
}

fn existing_directory(directory: &str) -> Result<PathBuf, String> {
    let path = Path::new(directory)
        .canonicalize()
        .map_err(|error| error.to_string())?;
    if path.is_dir() {
        Ok(path)
    } else {
        Err("not a directory".to_owned())
    }
}

/// The possible sources of a workspace. Exactly one must be set (`pkg/apis/pipeline/v1/workspace_validation.go`).
const SOURCES: [&str; 7] = [
    "emptyDir",
    "volumeClaimTemplate",
    "persistentVolumeClaim",
    "configMap",
    "secret",
    "projected",
    "csi",
];

/// Reads `spec.workspaces` in a run. A directory from the command line replaces any other source.
pub(crate) fn bound(
    run: &Cursor<'_>,
    given: &Given,
    found: &mut Diagnostics,
) -> BTreeMap<String, BoundWorkspace> {
    let mut bound = BTreeMap::new();
    for item in run.items_at("workspaces", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        fields::check_name(&item, found);
        let kinds: Vec<&str> = SOURCES
            .into_iter()
            .filter(|kind| item.field(kind).is_some())
            .collect();
        if let [_, _, ..] = kinds.as_slice() {
            let message = format!(
                "the workspace '{name}' has several sources: {}",
                kinds.join(" and ")
            );
            found.refuse(&item, message, "keep one of them");
        }
        let source = match given.get(&name) {
            Some(directory) => Volume::Directory(directory.clone()),
            None => match volume(&item, &name, found) {
                Some(volume) => volume,
                None => continue,
            },
        };
        let sub_path = item.text_at("subPath", found);
        if let Some(field) = item.field("subPath")
            && let Some(text) = sub_path.as_deref().filter(|text| !text.contains("$("))
            && leads_out(text)
        {
            let message = format!("the subPath '{text}' is outside the workspace");
            found.refuse(&field, message, "use a relative path without '..'");
        }
        if bound
            .insert(name.clone(), BoundWorkspace { source, sub_path })
            .is_some()
        {
            found.add(
                &item,
                format!("duplicate binding of the workspace '{name}'"),
                None,
            );
        }
    }
    for (name, directory) in given {
        let source = Volume::Directory(directory.clone());
        let sub_path = None;
        bound
            .entry(name.clone())
            .or_insert(BoundWorkspace { source, sub_path });
    }
    bound
}

fn volume(item: &Cursor<'_>, name: &str, found: &mut Diagnostics) -> Option<Volume> {
    if item.node.get("emptyDir").is_some() {
        return Some(Volume::Empty);
    }
    if item.field("volumeClaimTemplate").is_some() {
        return Some(Volume::Shared(name.to_owned()));
    }
    let kind = SOURCES.into_iter().find(|kind| item.field(kind).is_some());
    let message = match kind {
        Some(kind) => {
            format!("the workspace '{name}' uses '{kind}', which is only available in a cluster")
        }
        None => format!("the workspace '{name}' is not bound"),
    };
    let help = format!(
        "specify a directory with --workspace {name}=DIR, or bind the workspace to emptyDir: {{}}"
    );
    found.refuse(item, message, help);
    None
}

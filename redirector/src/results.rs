//! What the next task gets: one file per result in Tekton's folder.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use gleaner_proto::ResourceName;
use serde_json::{Map, Value};

use crate::failure::{Failure, Reason};

/// Writes `results` into `folder`, if there is one; returns true if there is.
///
/// # Errors
/// A name that is no result's, of which nothing is written; a file that cannot be written.
pub(crate) fn write(
    folder: &Path,
    results: &BTreeMap<String, Map<String, Value>>,
) -> Result<bool, Failure> {
    for name in results.keys() {
        // A name with a slash would leave the folder.
        ResourceName::new(name.as_str()).map_err(|error| {
            let message =
                format!("the sidecar's answer names a result that cannot be one: {error}");
            Failure::new(Reason::ResultName, message)
        })?;
    }
    if !folder.is_dir() {
        return Ok(false);
    }
    for (name, fields) in results {
        let content = serde_json::to_vec(fields).expect("invariant: a map of values is JSON");
        replace(folder, name, &content).map_err(|error| {
            let path = folder.join(name);
            let message = format!("the result '{}' cannot be written: {error}", path.display());
            Failure::new(Reason::ResultNotWritten, message)
        })?;
    }
    Ok(true)
}

/// Another step may have put a link there, and shares the folder: a new file takes its place, never what it leads to.
fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!(".gleaner-{name}-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&fresh)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&fresh, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

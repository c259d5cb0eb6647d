//! What the next task gets: one file per result in Tekton's folder.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use gleaner_proto::ResourceName;
use serde_json::{Map, Value};

use crate::failure::{Failure, Reason};

/// From how many bytes on a person should know. All containers of a pod share what the kubelet keeps of their
/// messages (12 KiB), a container has at most 4 KiB of it, and Tekton loses results beyond that without a word.
const WORTH_A_WARNING: usize = 3 << 10;

/// Writes `results` into `folder`, if there is one; returns a warning, if there is reason for one.
///
/// # Errors
/// A name that is no result's, of which nothing is written; a file that cannot be written.
pub(crate) fn write(
    folder: &Path,
    results: &BTreeMap<String, Map<String, Value>>,
) -> Result<Option<String>, Failure> {
    for name in results.keys() {
        // A name with a slash would leave the folder.
        ResourceName::new(name.as_str()).map_err(|error| {
            let message =
                format!("the sidecar's answer names a result that cannot be one: {error}");
            Failure::new(Reason::ResultName, message)
        })?;
    }
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut sizes = Vec::new();
    for (name, fields) in results {
        let content = serde_json::to_vec(fields).expect("invariant: a map of values is JSON");
        replace(folder, name, &content).map_err(|error| {
            let path = folder.join(name);
            let message = format!("the result '{}' cannot be written: {error}", path.display());
            Failure::new(Reason::ResultNotWritten, message)
        })?;
        sizes.push((content.len(), name));
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    Ok(sizes.into_iter().max().filter(|_| total > WORTH_A_WARNING).map(|(size, name)| {
        format!(
            "the results have {total} bytes together ('{name}' alone {size}), and Tekton may lose what is over 4096; \
             declare fewer result fields"
        )
    }))
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

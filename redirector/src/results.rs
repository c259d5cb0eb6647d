//! The results for later tasks. Each result is a file in Tekton's results directory.
//!
//! While the results arrive, they are written to a staging directory. All results are published together, after the last one has
//! arrived.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gleaner_proto::ResourceName;
use gleaner_termination::{Entry, EntryType, escaped_len};

use crate::failure::{Failure, Reason};

/// Results that are not published yet. They are discarded on drop.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    folder: &'a Path,
    /// The staging directory. `None` before the first result, or if Tekton's results directory does not exist.
    staging: Option<PathBuf>,
    /// The path and the open file of the result that is being received.
    current: Option<(PathBuf, File)>,
    bytes: usize,
}

impl<'a> Staged<'a> {
    /// Returns an empty staging area for the results directory `folder`. If `folder` does not exist, results are discarded.
    pub(crate) const fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            staging: None,
            current: None,
            bytes: 0,
        }
    }

    /// Creates an empty file for the result `name` in the staging directory.
    ///
    /// # Errors
    /// Fails if the name is not valid, or if the file cannot be created.
    pub(crate) fn begin(&mut self, name: &str) -> Result<(), Failure> {
        self.current = None;
        // Reject invalid names, because a name that contains a slash could refer to a file outside the directory.
        ResourceName::new(name).map_err(|error| {
            let message =
                format!("the sidecar's response contains an invalid result name: {error}");
            Failure::new(Reason::ResultName, message)
        })?;
        if !self.folder.is_dir() {
            return Ok(());
        }
        let entry = Entry {
            key: name,
            value: "",
            kind: EntryType::TaskRunResult,
        };
        self.bytes += entry.bytes();
        let path = self.folder.join(name);
        let file = self.stage(name).map_err(|error| unwritten(&path, &error))?;
        self.current = Some((path, file));
        Ok(())
    }

    fn stage(&mut self, name: &str) -> io::Result<File> {
        let staging = match &self.staging {
            Some(staging) => staging,
            None => {
                // The directory must be new, because other steps share the parent directory and may have created a link there.
                let fresh = format!(".gleaner-{}", std::process::id());
                let fresh = self.folder.join(fresh);
                fs::create_dir(&fresh)?;
                self.staging.insert(fresh)
            }
        };
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(staging.join(name))
    }

    /// Appends `text` to the current result.
    ///
    /// # Errors
    /// Fails if the result cannot be written.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.current {
            self.bytes += escaped_len(text);
            file.write_all(text.as_bytes())
                .map_err(|error| unwritten(path, &error))?;
        }
        Ok(())
    }

    /// Publishes the staged results. Returns the number of bytes that they take in a termination message, or `None` if no results
    /// are staged.
    ///
    /// # Errors
    /// Fails if a result cannot be written.
    pub(crate) fn publish(mut self) -> Result<Option<usize>, Failure> {
        self.current = None;
        let Some(staging) = &self.staging else {
            return Ok(None);
        };
        let unstaged = |error| unwritten(staging, &error);
        // Listing a directory while its content changes may miss entries, so list it repeatedly until it is empty.
        loop {
            let mut is_empty = true;
            for entry in fs::read_dir(staging).map_err(unstaged)? {
                let entry = entry.map_err(unstaged)?;
                let path = self.folder.join(entry.file_name());
                // If another step has created a link with this name, the rename replaces the link and not its target.
                fs::rename(entry.path(), &path).map_err(|error| unwritten(&path, &error))?;
                is_empty = false;
            }
            if is_empty {
                return Ok(Some("[]".len() + self.bytes));
            }
        }
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Some(staging) = &self.staging {
            let _ = fs::remove_dir_all(staging);
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let message = format!("the result '{}' cannot be written: {error}", path.display());
    Failure::new(Reason::ResultNotWritten, message)
}

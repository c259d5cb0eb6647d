//! The results for the next task: one file for each result in Tekton's directory.
//!
//! Results are staged in a separate directory while they arrive. They become results only when all have arrived.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gleaner_proto::ResourceName;
use gleaner_termination::{Entry, EntryType, escaped_len};

use crate::failure::{Failure, Reason};

/// Results that are not yet published; dropping this value discards them.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    folder: &'a Path,
    /// The directory of staged results; `None` before the first result, and if Tekton's directory does not exist.
    staging: Option<PathBuf>,
    /// The path and file of the result that is being received.
    current: Option<(PathBuf, File)>,
    bytes: usize,
}

impl<'a> Staged<'a> {
    /// Returns staging for the directory `folder`. If it does not exist, results are discarded.
    pub(crate) const fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            staging: None,
            current: None,
            bytes: 0,
        }
    }

    /// Begins the result `name`, without content.
    ///
    /// # Errors
    /// Fails if the name is invalid, or the file cannot be created.
    pub(crate) fn begin(&mut self, name: &str) -> Result<(), Failure> {
        self.current = None;
        // A name with a slash could leave the directory.
        ResourceName::new(name).map_err(|error| {
            let message = format!("the sidecar's response has an invalid result name: {error}");
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
                // Other steps share the parent directory and may have created a link there, so this directory must be new.
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

    /// Appends to the current result.
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

    /// Publishes the staged results, and returns the number of bytes that they take in a termination message; `None` if
    /// there are no results.
    ///
    /// # Errors
    /// Fails if a result cannot be written.
    pub(crate) fn publish(mut self) -> Result<Option<usize>, Failure> {
        self.current = None;
        let Some(staging) = &self.staging else {
            return Ok(None);
        };
        let unstaged = |error| unwritten(staging, &error);
        // Listing a directory while it changes may miss entries, so it is listed again until it is empty.
        loop {
            let mut is_empty = true;
            for entry in fs::read_dir(staging).map_err(unstaged)? {
                let entry = entry.map_err(unstaged)?;
                let path = self.folder.join(entry.file_name());
                // If another step has created a link with this name, this replaces the link, never its target.
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

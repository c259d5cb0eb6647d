//! Workspaces that a Task declares as read-only. The steps get a directory without write permission. Because root can still write
//! to this directory, a run checks it for changes after each step.

use std::collections::BTreeMap;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The write permission bits.
const WRITE: u32 = 0o222;

/// A write-protected directory.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    pub(crate) workspace: String,
    directory: PathBuf,
    before: Contents,
}

/// The size, modification time (seconds and nanoseconds) and mode of each file and directory, by path.
type Contents = BTreeMap<PathBuf, (u64, i64, i64, u32)>;

// === impl ReadOnly ===

impl ReadOnly {
    /// Removes write permission from `directory` and everything in it.
    pub(crate) fn protect(workspace: &str, directory: &Path) -> io::Result<Self> {
        walk(directory, &mut |path, metadata| {
            let mode = metadata.permissions().mode() & !WRITE;
            fs::set_permissions(path, Permissions::from_mode(mode))
        })?;
        Ok(Self {
            workspace: workspace.to_owned(),
            directory: directory.to_owned(),
            before: contents(directory)?,
        })
    }

    /// Returns the path, relative to the directory, of a file that was added, removed or changed. Returns `None` if nothing
    /// changed.
    pub(crate) fn changed(&self) -> Option<PathBuf> {
        let now = contents(&self.directory).unwrap_or_default();
        let differs = |path: &&PathBuf| now.get(*path) != self.before.get(*path);
        let path = now.keys().chain(self.before.keys()).filter(differs);
        // A new file also changes the modification time of its directory. Report the path with the most components, because it is
        // the path of the file.
        let path = path.max_by_key(|path| path.components().count())?;
        let below = path.strip_prefix(&self.directory).unwrap_or(path);
        Some(below.to_owned())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        make_writable(&self.directory);
    }
}

/// Makes `directory` and all directories in it writable, so that they can be removed.
pub(crate) fn make_writable(directory: &Path) {
    let _ = walk(directory, &mut |path, metadata| {
        if !metadata.is_dir() {
            return Ok(());
        }
        let mode = metadata.permissions().mode() | 0o700;
        fs::set_permissions(path, Permissions::from_mode(mode))
    });
}

/// Copies a directory. Symbolic links remain links.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Visits `directory` and everything in it except symbolic links. Visits each directory before its content.
fn walk(
    directory: &Path,
    visit: &mut impl FnMut(&Path, &Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let metadata = fs::symlink_metadata(directory)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    visit(directory, &metadata)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(directory)? {
            walk(&entry?.path(), visit)?;
        }
    }
    Ok(())
}

fn contents(directory: &Path) -> io::Result<Contents> {
    let mut contents = Contents::new();
    walk(directory, &mut |path, metadata| {
        let state = (
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.mode(),
        );
        contents.insert(path.to_owned(), state);
        Ok(())
    })?;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_to_the_copy_is_detected_and_the_original_is_unchanged() {
        let root = tempfile::tempdir().unwrap();
        let (original, own) = (root.path().join("original"), root.path().join("own"));
        fs::create_dir_all(original.join("sub")).unwrap();
        fs::write(original.join("sub/file"), "x").unwrap();
        copy(&original, &own).unwrap();
        let guard = ReadOnly::protect("src", &own).unwrap();
        assert_eq!(guard.changed(), None);
        let mode = fs::metadata(own.join("sub")).unwrap().permissions().mode();
        assert_eq!(mode & WRITE, 0);
        make_writable(&own);
        fs::write(own.join("sub/new"), "y").unwrap();
        assert_eq!(guard.changed(), Some(PathBuf::from("sub/new")));
        drop(guard);
        fs::remove_dir_all(&own).unwrap();
        assert_eq!(fs::read_dir(original.join("sub")).unwrap().count(), 1);
    }
}

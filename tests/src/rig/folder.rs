//! The directory of a rig, with its data, certificates and logs.

use std::io;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "gleaner-rig-";

/// Creates a directory whose name contains the ID of this process. The directory is removed on drop.
///
/// Also removes the directories of killed processes. Otherwise the disk space that etcd preallocates would never be freed.
pub(crate) fn create() -> io::Result<TempDir> {
    sweep(&std::env::temp_dir());
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir()
}

/// Removes the directories of processes that no longer exist. Ignores errors, because some of the directories may belong to other
/// users.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_dead_processes_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: String| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        // No process has this ID, because the kernel's maximum is 2^22.
        let dead = make(format!("{PREFIX}{}-a", u32::MAX));
        let living = make(format!("{PREFIX}{}-a", std::process::id()));
        let foreign = make("something-1-else".to_owned());
        sweep(parent.path());
        assert!(!dead.exists() && living.exists() && foreign.exists());
    }
}

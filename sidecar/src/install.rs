//! Copies the redirector to the path at which the steps run it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Copies the redirector from `source` to `target`. All users can read and execute the copy, because steps may run as any user.
///
/// The copy appears atomically, so that a step never runs an incomplete program.
///
/// # Errors
/// Returns the operating system's error.
pub(crate) fn install(source: &Path, target: &Path) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let partial = target.with_extension("partial");
    std::fs::copy(source, &partial)?;
    std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o555))?;
    std::fs::rename(&partial, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_is_executable_for_all_users_and_replaces_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        let target = folder.path().join("bin/redirector");
        for content in ["old", "new"] {
            std::fs::write(&source, content).unwrap();
            install(&source, &target).unwrap();
            assert_eq!(std::fs::read_to_string(&target).unwrap(), content);
        }
        assert_eq!(
            std::fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o555
        );
    }
}

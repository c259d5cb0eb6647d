//! A memory limit for the sidecar, like the memory limit of the sidecar's container.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The mount point of cgroups.
const ROOT: &str = "/sys/fs/cgroup";

/// A cgroup with a memory limit. The cgroup is removed on drop, so its processes must have exited.
#[derive(Debug)]
pub struct MemoryLimit {
    directory: PathBuf,
    /// The file that contains the number of killed processes, in a line `oom_kill COUNT`.
    events: &'static str,
}

impl MemoryLimit {
    /// Creates a cgroup below the cgroup of this process, with a memory limit in bytes.
    ///
    /// # Errors
    /// Fails with a message, for example if this process does not run as root, or if the memory controller is not available for
    /// child cgroups.
    pub fn new(bytes: u64) -> Result<Self, String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let of = |controller: &str| {
            own.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                (controllers == controller).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        // Version 1 has a separate hierarchy for each controller; version 2 has a single hierarchy (cgroups(7)).
        let (parent, limit, events) = match (of("memory"), of("")) {
            (Some(path), _) => (
                Path::new(ROOT).join("memory").join(path),
                "memory.limit_in_bytes",
                "memory.oom_control",
            ),
            (None, Some(path)) => {
                let parent = Path::new(ROOT).join(path);
                // Ignore an error, because the controller may already be enabled. Otherwise, writing the limit fails.
                let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory");
                (parent, "memory.max", "memory.events")
            }
            (None, None) => return Err("this process is not in a cgroup".to_owned()),
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gleaner-tests-{}-{number}", std::process::id());
        let directory = parent.join(name);
        let failed = |error| format!("{}: {error}", directory.display());
        fs::create_dir(&directory).map_err(failed)?;
        let made = Self { directory, events };
        let file = made.directory.join(limit);
        fs::write(&file, bytes.to_string())
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(made)
    }

    /// Returns the number of processes that were killed because the limit was exceeded.
    ///
    /// # Panics
    ///
    /// Panics if the kernel does not report the number.
    #[must_use]
    pub fn kills(&self) -> u64 {
        let events = fs::read_to_string(self.directory.join(self.events));
        let events = events.expect("the events of a cgroup");
        let count = events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        count
            .and_then(|count| count.parse().ok())
            .expect("oom_kill")
    }

    /// Returns the file to which a process writes its ID to join the cgroup.
    pub(crate) fn entrance(&self) -> PathBuf {
        self.directory.join("cgroup.procs")
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}

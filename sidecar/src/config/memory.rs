//! The sidecar's memory budget, which limits the memory that clients can make the sidecar use.
//!
//! 24 MiB of the memory limit is reserved for the program, its connections and their kernel buffers. The rest is divided into
//! eleven equal parts, of which half a part is spare:
//!
//! | parts | for |
//! | --- | --- |
//! | 2 | accepted outputs |
//! | 2 | request bodies; another half part is divided among the steps as reserved memory |
//! | 2 | one large message while it is read, or one response while it is rendered |
//! | 3 | the objects of the submission: their JSON, and the API server's responses |
//! | 1 | rendered responses, for all clients together |

use std::fs;
use std::path::Path;

use gleaner_core::collect;
use gleaner_core::render::{self, OBJECT_MAX, Size};

use super::Limits;

/// The memory of the program itself, its connections and their buffers.
const OWN: u64 = 24 << 20;
const PARTS: u64 = 11;
/// The minimum size of a part. With smaller parts, the sidecar would refuse even the smallest outputs.
const PART_MIN: u64 = 1 << 20;
/// The memory limit that is assumed if none is set. With this limit, a part is 32 MiB.
const UNLIMITED: u64 = OWN + PARTS * (32 << 20);
/// The maximum usable memory limit. A higher limit has the same effect.
const LIMIT_MAX: u64 = 4 << 30;
/// The minimum and maximum amount of memory that is reserved for one step's request bodies.
const SHARE: (usize, usize) = (16 << 10, 1 << 20);

/// The bounds on memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The maximum size of a request body.
    pub max_body: usize,
    /// The memory for all bodies that are being read or are waiting to be accepted.
    pub bodies: usize,
    /// The memory reserved for the bodies of each step. Other steps cannot use it.
    pub share: usize,
    /// The memory for one parsed message, estimated before the message is parsed.
    pub message: usize,
    /// The memory for all rendered responses together.
    pub responses: usize,
    /// The memory for one rendered response.
    pub response: usize,
    /// The memory bounds for the state and the rendered objects of the run.
    pub run: collect::Bounds,
}

impl Memory {
    /// Returns the bounds for a sidecar with `steps` steps and a memory limit of `limit` bytes. If `limit` is `None`, the
    /// limit is [`UNLIMITED`].
    pub(crate) fn new(limit: Option<u64>, limits: &Limits, steps: usize) -> Self {
        let limit = limit.unwrap_or(UNLIMITED).min(LIMIT_MAX);
        let part = (limit.saturating_sub(OWN) / PARTS).max(PART_MIN);
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let two = bytes(2 * part);
        let max_body = limits.max_body().unwrap_or(two);
        let outputs = limits.max_outputs.unwrap_or_else(|| two.max(max_body));
        let objects = |json, memory| render::Bounds {
            object: OBJECT_MAX,
            total: Size { json, memory },
        };
        Self {
            max_body,
            bodies: two.max(max_body),
            share: (bytes(part / 2) / steps.max(1)).clamp(SHARE.0, SHARE.1),
            message: two.max(max_body),
            responses: bytes(part),
            response: bytes(part / 2),
            run: collect::Bounds {
                outputs: outputs as u64,
                objects: objects(part, 2 * part),
                preview: objects(part / 2, part),
            },
        }
    }
}

/// Returns the lowest memory limit of this process's cgroup and the cgroup's ancestors, in bytes.
pub(crate) fn limit() -> Option<u64> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    lowest(&cgroups, Path::new("/sys/fs/cgroup"))
}

/// Finds the lowest limit of a process's cgroup and the cgroup's ancestors below `root`, for both cgroup versions (cgroups(7)).
/// In a container without a cgroup namespace, the paths in `cgroups` are paths on the node and do not exist below `root`. In
/// that case, only the limit in `root` itself is found, which is the limit of the container's own cgroup.
fn lowest(cgroups: &str, root: &Path) -> Option<u64> {
    let limits = cgroups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (hierarchy, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let own = hierarchy.join(path.trim_start_matches('/'));
        let up = own
            .ancestors()
            .filter(|group| group.starts_with(&hierarchy));
        let read = |group: &Path| {
            fs::read_to_string(group.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        up.filter_map(read).min()
    });
    // Without a limit, cgroup version 1 reports a huge number.
    limits.min().filter(|limit: &u64| *limit < 1 << 60)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn files(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let root = directory.path().to_owned();
        (directory, root)
    }

    #[test]
    fn the_lowest_limit_of_a_cgroup_and_its_ancestors_applies_in_both_cgroup_versions() {
        let (_directory, root) = files(&[
            ("memory.max", "134217728\n"),
            ("pod/memory.max", "max\n"),
            ("pod/app/memory.max", "268435456\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/pod/memory.limit_in_bytes", "67108864\n"),
        ]);
        let cases = [
            ("0::/pod/app\n", Some(128 << 20)),
            ("0::/pod/elsewhere\n", Some(128 << 20)),
            ("3:cpu,memory:/pod\n0::/\n", Some(64 << 20)),
            ("3:memory:/\n", None),
            ("3:cpu:/pod\n", None),
            ("", None),
        ];
        for (cgroups, limit) in cases {
            assert_eq!(lowest(cgroups, &root), limit, "{cgroups}");
        }
        let (_directory, root) = files(&[("memory.max", "max\n")]);
        assert_eq!(lowest("0::/\n", &root), None);
    }

    #[test]
    fn all_bounds_together_fit_the_memory_limit() {
        let limits = Limits::for_tests(&[]);
        for limit in [64_u64, 128, 256, 1024].map(|mebibytes| mebibytes << 20) {
            let memory = Memory::new(Some(limit), &limits, 3);
            let together = memory.run.outputs
                + (memory.bodies + 3 * memory.share + memory.message + memory.responses) as u64
                + 3 * memory.run.objects.total.json;
            assert!(together + OWN / 2 <= limit, "{limit}: {memory:?}");
            assert!(memory.run.objects.total.memory <= 3 * memory.run.objects.total.json);
            assert!(
                memory.run.preview.total.memory as usize + 2 * memory.response <= memory.message
            );
        }
    }

    #[test]
    fn the_documented_defaults_apply_without_a_limit() {
        let memory = Memory::new(None, &Limits::for_tests(&[]), 3);
        assert_eq!((memory.max_body, memory.run.outputs), (64 << 20, 64 << 20));
        let given = Limits::for_tests(&["--max-body=1Ki", "--max-outputs=2Ki"]);
        let memory = Memory::new(None, &given, 2000);
        assert_eq!((memory.max_body, memory.run.outputs), (1 << 10, 2 << 10));
        assert_eq!(memory.share, SHARE.0);
    }
}

//! Finds and kills processes that left their step's process group (`setsid`). In a cluster, such processes terminate with the
//! container. Here, they are found by the variable `$GLEANER_OUTPUTS`, which every process of a step inherits. A process that
//! removes the variable from its environment is not found.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gleaner_proto::path::OUTPUTS_VARIABLE;
use rustix::process::{Pid, Signal, kill_process};

/// The maximum number of searches. A search is repeated because a process may start other processes before it is killed.
const SEARCHES: u32 = 20;

/// Kills the processes whose `$GLEANER_OUTPUTS` is `directory` or a path below it. Works only on Linux, because this
/// function reads each process's environment from `/proc`.
pub(crate) fn kill(directory: &Path) {
    for _ in 0..SEARCHES {
        let detached = find(directory);
        if detached.is_empty() {
            return;
        }
        for process in detached {
            // Ignore the error, because the process may already have exited.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn find(directory: &Path) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let detached = processes.filter_map(|process| {
        let id = process.file_name().to_str()?.parse().ok()?;
        // A process that has exited has an empty environment, so it does not match.
        let environment = std::fs::read(process.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| is_of(variable, directory))
            .then(|| Pid::from_raw(id))?
    });
    detached.collect()
}

fn is_of(variable: &[u8], directory: &Path) -> bool {
    let value = variable
        .strip_prefix(OUTPUTS_VARIABLE.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"="));
    value.is_some_and(|value| Path::new(std::ffi::OsStr::from_bytes(value)).starts_with(directory))
}

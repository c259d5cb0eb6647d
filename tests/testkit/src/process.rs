//! A program under test as a child process.

use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The time limit for a program that [`run`] starts. It is generous, because the machine may be busy.
const HANGING: Duration = Duration::from_secs(60);

/// A running program in its own process group. Dropping it kills the program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Arc<Log>,
}

/// The exit status and the output of a program.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// The exit code; `None` if a signal killed the program.
    pub code: Option<i32>,
    /// The signal that killed the program.
    pub signal: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

/// The lines that a process has written so far.
#[derive(Debug, Default)]
struct Log {
    state: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

// === impl Process ===

impl Process {
    /// Starts a program, and collects its standard output and standard error in one log.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .spawn()?;
        // The command holds a write end of the pipe. Drop it, so that the pipe closes when the child exits.
        drop(command);
        Ok(Self {
            child,
            log: Log::follow(reader),
        })
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the process's output so far.
    pub fn log(&self) -> String {
        self.log.lock().lines.join("\n")
    }

    /// Returns the last lines of the process's output.
    pub fn last_lines(&self) -> String {
        let state = self.log.lock();
        let start = state.lines.len().saturating_sub(15);
        state.lines[start..].join("\n")
    }

    /// Calls `found` for each line of output so far, and returns the first value that `found` returns.
    pub fn line<T>(&self, found: impl FnMut(&str) -> Option<T>) -> Option<T> {
        first(&self.log.lock().lines, found)
    }

    /// Waits for a line for which `found` returns a value, and returns this value. If the process exits or the time limit passes
    /// first, returns `None`.
    pub fn wait_for<T>(
        &self,
        time: Duration,
        mut found: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + time;
        let mut state = self.log.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match first(&state.lines, &mut found) {
                None if !state.ended && !left.is_zero() => {
                    let waited = self.log.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                found => return found,
            }
        }
    }

    /// If the process is not running, returns an error with the last lines of output.
    pub fn check(&mut self, name: &str) -> Result<(), String> {
        match self.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!(
                "{name} exited with {status}:\n{}",
                self.last_lines()
            )),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }

    /// Returns the exit status if the process has exited.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the process exits by itself, and returns its exit status; panics after the time limit.
    pub fn ended_within(mut self, time: Duration) -> ExitStatus {
        let state = self.log.lock();
        let waited = self
            .log
            .changed
            .wait_timeout_while(state, time, |state| !state.ended);
        let ended = waited.unwrap_or_else(PoisonError::into_inner).0.ended;
        assert!(ended, "still running after {time:?}: {}", self.log());
        self.child.wait().expect("the exit status")
    }

    /// Sends the signal `name`, such as `TERM`, to the process.
    pub fn signal(&self, name: &str) {
        signal(name, &self.id().to_string());
    }

    /// Sets the process's file size limit; `limit` has the syntax of `prlimit`. Returns false if the process has exited.
    pub fn limit_file_size(&self, limit: &str) -> bool {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.id().to_string()]);
        prlimit
            .arg(format!("--fsize={limit}"))
            .stderr(Stdio::null());
        prlimit
            .status()
            .expect("the program 'prlimit' is required")
            .success()
    }

    /// Kills the process with SIGKILL, waits until it is gone, and returns its log.
    pub fn kill(mut self) -> String {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("the exit status");
        let state = self.log.lock();
        let ended = self.log.changed.wait_while(state, |state| !state.ended);
        drop(ended);
        self.log()
    }

    /// Returns a value in KiB from `/proc/PID/status`, such as `VmRSS`.
    pub fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("the status of a running process");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let figure = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        figure.unwrap_or_else(|| panic!("no {field} in {status}"))
    }

    /// Returns the CPU time of all threads so far. Unlike elapsed time, CPU time does not depend on other load on the machine.
    pub fn computed(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id()));
        let threads = threads.expect("the threads of a running process");
        let nanoseconds = threads.flatten().filter_map(|thread| {
            // Skip a thread that has exited since the directory was listed.
            let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            times.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ignore errors, because `drop` cannot report them.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Log ===

impl Log {
    fn follow(reader: PipeReader) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                writer.lock().lines.push(line);
                writer.changed.notify_all();
            }
            writer.lock().ended = true;
            writer.changed.notify_all();
        });
        log
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output in UTF-8");
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

fn first<T>(lines: &[String], mut found: impl FnMut(&str) -> Option<T>) -> Option<T> {
    lines.iter().find_map(|line| found(line))
}

/// Parses a line of a JSON log. If the line has this `message`, returns the parsed line.
pub fn message(line: &str, message: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == message).then_some(line)
}

/// Runs a program until it exits.
#[track_caller]
pub fn run(mut command: Command) -> Ran {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("a program to run");
    let pid = child.id();
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(outcome) = outcome.recv_timeout(HANGING) else {
        signal("KILL", &pid.to_string());
        panic!("still running after {HANGING:?}: {command:?}");
    };
    outcome.expect("its output").into()
}

/// Sends the signal `name` to the process with the ID `to`. If `to` begins with `-`, sends it to the process group with that ID.
#[track_caller]
pub fn signal(name: &str, to: &str) {
    let status = Command::new("kill").args(["-s", name, "--", to]).status();
    assert!(
        status.expect("the program 'kill' is required").success(),
        "kill -s {name} {to}"
    );
}

/// Returns a command that the kernel kills when the *thread* that starts it exits, so that the program does not outlive a test
/// that is killed. Start the command from a thread that runs as long as the program should.
///
/// The program `setpriv` sets this up, because the system call would need unsafe code. If `setpriv` is missing, the
/// program is killed only on drop.
pub fn tied_to_thread(program: &Path) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| {
        let mut version = Command::new("setpriv");
        version.arg("--version").stdout(Stdio::null());
        version.status().is_ok()
    });
    if !*SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.as_os_str());
    command
}

/// Returns a command that cannot write files larger than this many KiB, to simulate a full disk.
pub fn with_file_size(program: &str, kibibytes: u64) -> Command {
    // Ignore SIGXFSZ, so that the write fails instead of killing the program.
    let script = r#"trap '' XFSZ; ulimit -f "$1"; shift; exec "$@""#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash", &kibibytes.to_string(), program]);
    shell
}

/// Returns a command that runs a program as the user with the ID `user`. The command succeeds only if root starts it.
pub fn as_user(program: &str, user: u32) -> Command {
    let mut command = Command::new("setpriv");
    let ids = [format!("--reuid={user}"), format!("--regid={user}")];
    command
        .args(ids)
        .args(["--clear-groups", "--no-new-privs", "--", program]);
    command
}

/// Returns the ID of the user who owns the process's `/proc/PID/mem`.
pub fn memory_owner(pid: u32) -> u32 {
    let memory = fs::metadata(format!("/proc/{pid}/mem"));
    memory.expect("the memory of a running process").uid()
}

//! Runs steps with the real redirector program, and checks the result.

mod sidecar;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use gleaner_testkit::wait;
use tempfile::TempDir;

pub(crate) use gleaner_testkit::process::{Ran, run, signal};
pub(crate) use sidecar::{Reply, Sidecar};

/// The path of the program under test.
pub(crate) const REDIRECTOR: &str = env!("CARGO_BIN_EXE_gleaner-redirector");
/// The time after which a test fails because it hangs. It is long, because the machine may be busy.
const HANGING: Duration = Duration::from_secs(60);

/// A step to run, in a separate directory.
pub(crate) struct Step {
    pub(crate) folder: TempDir,
    sidecar: String,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    /// The program that starts the redirector, such as `setsid`.
    pub(crate) prefix: Vec<String>,
}

/// Assertions about the result of a step.
pub(crate) trait Ended {
    /// Asserts that the step exited with `code`, and that stderr contains only `line`, or nothing if `line` is empty.
    fn assert_ended(&self, code: i32, line: &str);
}

/// A running step, which is killed on drop.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

// === impl Step ===

impl Step {
    /// Returns the step `kaniko`, which uses `sidecar`.
    pub(crate) fn new(sidecar: &Sidecar) -> Self {
        Self::at(&sidecar.address)
    }

    /// Returns the step `kaniko`, which expects its sidecar at `address`.
    pub(crate) fn at(address: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("outputs")).unwrap();
        Self {
            folder,
            sidecar: address.to_owned(),
            flags: Vec::new(),
            environment: Vec::new(),
            prefix: Vec::new(),
        }
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    pub(crate) fn output(self, spec: &str) -> Self {
        self.flags(&["--output", spec])
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn started_by(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Returns a path in the step's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a command that runs the redirector with the usual flags and `command`.
    pub(crate) fn wrapping<Word: AsRef<OsStr>>(&self, command: &[Word]) -> Command {
        let mut redirector = self.bare();
        redirector
            .args(["--step", "kaniko", "--sidecar", &self.sidecar])
            .arg("--outputs-dir")
            .arg(self.path("outputs"))
            .arg("--termination-message")
            .arg(self.path("termination"))
            .args(&self.flags)
            .arg("--")
            .args(command);
        redirector
    }

    /// Returns a command that runs the redirector without arguments, in the step's directory.
    pub(crate) fn bare(&self) -> Command {
        let prefix = self.prefix.iter().map(String::as_str);
        self.command(prefix.chain([REDIRECTOR]))
    }

    /// Returns a command that runs a program in the step's directory and environment. Signal actions and Gleaner's variables are
    /// reset, so that they do not depend on the parent of the test process: `nohup` makes its command ignore SIGHUP, and shells
    /// make background jobs ignore SIGINT.
    pub(crate) fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal", "--"])
            .args(words)
            .current_dir(&self.folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GLEANER") {
                command.env_remove(name);
            }
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.envs(environment);
        command
    }

    /// Runs the step until it exits.
    pub(crate) fn run<Word: AsRef<OsStr>>(&self, command: &[Word]) -> Ran {
        run(self.wrapping(command))
    }

    /// Runs the step with a shell script as its command, until the step exits.
    pub(crate) fn script(&self, script: &str) -> Ran {
        self.run(&["sh", "-c", script])
    }

    /// Starts the step, with a shell script as its command.
    pub(crate) fn start(&self, script: &str) -> Running {
        Running::start(self.wrapping(&["sh", "-c", script]))
    }

    /// Finishes the run in a separate step.
    pub(crate) fn finish(&self) -> Ran {
        let mut redirector = self.bare();
        redirector
            .args(["finish", "--sidecar", &self.sidecar])
            .arg("--results-dir")
            .arg(self.path("results"))
            .arg("--termination-message")
            .arg(self.path("termination"))
            .args(&self.flags);
        run(redirector)
    }
}

// === impl Ended ===

impl Ended for Ran {
    #[track_caller]
    fn assert_ended(&self, code: i32, line: &str) {
        let line = if line.is_empty() {
            String::new()
        } else {
            format!("gleaner: step 'kaniko': {line}\n")
        };
        // After a command, Gleaner's first line is preceded by a newline.
        let said = self.stderr.strip_prefix('\n').unwrap_or(&self.stderr);
        assert_eq!((self.code, said), (Some(code), line.as_str()), "{self:?}");
        assert_eq!(self.stdout, "", "the redirector must not print to stdout");
    }
}

// === impl Running ===

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line that the command prints, without the newline.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits until the step exits. The returned stdout contains only the lines that have not been read yet.
    pub(crate) fn wait(mut self) -> Ran {
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut stdout).unwrap();
        let mut stderr = String::new();
        let pipe = self.child.stderr.as_mut().expect("piped");
        std::io::Read::read_to_string(pipe, &mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        Ran {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` returns true.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    wait::until_true(what, HANGING, condition);
}

/// Returns true if the process has exited, even if it has not been reaped yet.
pub(crate) fn has_ended(pid: &str) -> bool {
    let Ok(status) = fs::read_to_string(Path::new("/proc").join(pid).join("stat")) else {
        return true;
    };
    // The format is "PID (NAME) STATE ...".
    status
        .rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// Waits until the process `pid` has handled every signal in its queue.
#[track_caller]
pub(crate) fn handled(pid: &str) {
    let path = Path::new("/proc").join(pid).join("status");
    until("no signal is pending", || {
        let status = fs::read_to_string(&path).unwrap();
        // SIGCHLD (17) is excluded, because it may arrive at any time.
        let none = |line: &str| {
            let set = line
                .rsplit('\t')
                .next()
                .and_then(|set| u64::from_str_radix(set, 16).ok());
            set.is_some_and(|set| set & !(1 << 16) == 0)
        };
        status.contains("State:\tS")
            && status
                .lines()
                .filter(|line| line.starts_with("SigPnd") || line.starts_with("ShdPnd"))
                .all(none)
    });
}

/// Returns true if `unshare` can create namespaces with these flags. Otherwise, prints a message.
pub(crate) fn can_unshare(flags: &[&str]) -> bool {
    let status = Command::new("unshare")
        .args(flags)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    let can = status.is_ok_and(|status| status.success());
    if !can {
        eprintln!("SKIPPED, NOT TESTED: 'unshare {flags:?}' is refused; run these tests as root");
    }
    can
}

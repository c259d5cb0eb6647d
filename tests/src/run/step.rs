//! A step of a run: a real redirector that runs a command, which writes output files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gleaner_proto::{OutputSpec, path};
use http::Request;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::Run;

/// A step that has not been started, as returned by [`Run::step`].
#[must_use = "call `run` or `begin`"]
pub struct Step<'a> {
    run: &'a Run<'a>,
    name: String,
    files: Vec<(String, Vec<u8>)>,
    exit: u8,
    flags: Vec<&'static str>,
}

/// A running redirector; killed on drop.
pub struct Running {
    task: JoinHandle<Ended>,
    /// The ID of the process; `None` if an HTTP request is sent instead of running a redirector.
    pub(crate) process: Option<u32>,
}

/// The exit code and the output of a redirector.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// The redirector's exit code; `None` if a signal killed the redirector.
    pub code: Option<i32>,
    /// The standard output of the command.
    pub stdout: String,
    /// The standard error of the command and of the redirector.
    pub stderr: String,
}

impl<'a> Step<'a> {
    pub(crate) fn new(run: &'a Run<'a>, name: &str) -> Self {
        Self {
            run,
            name: name.to_owned(),
            files: Vec::new(),
            exit: 0,
            flags: Vec::new(),
        }
    }

    /// Makes the command write `content` to an output's file.
    pub fn writes(mut self, output: &str, content: impl AsRef<[u8]>) -> Self {
        self.files
            .push((output.to_owned(), content.as_ref().to_owned()));
        self
    }

    /// Makes the command exit with this code.
    pub fn exits(mut self, code: u8) -> Self {
        self.exit = code;
        self
    }

    /// Makes this the first step, which requests the preflight.
    pub fn first(mut self) -> Self {
        self.flags.push("--preflight");
        self
    }

    /// Makes this the last step, which finishes the run.
    pub fn last(mut self) -> Self {
        self.flags.push("--finish");
        self
    }

    /// Runs the step until it exits.
    pub async fn run(self) -> Ended {
        self.begin().ended().await
    }

    /// Starts the step.
    pub fn begin(self) -> Running {
        let folder = self.run.folder();
        let outputs = folder.join("outputs").join(&self.name);
        let mut arguments = self.run.redirector_flags(&self.name);
        arguments.push(format!("--outputs-dir={}", outputs.display()));
        arguments.extend(self.flags.iter().map(|flag| (*flag).to_owned()));
        let declared = self.run.declaration.outputs(&self.name);
        let specs: Vec<OutputSpec> = declared
            .iter()
            .map(|output| placed(&output.spec, folder))
            .collect();
        arguments.extend(specs.iter().map(|spec| format!("--output={spec}")));
        let script = self.script(&specs, folder);
        arguments.extend(["--", "sh", "-c"].map(str::to_owned));
        arguments.push(script);
        spawn(self.run.redirector(), &arguments)
    }

    /// Writes the contents of the step's outputs to files, and returns a script that copies these files to the outputs' paths.
    fn script(&self, specs: &[OutputSpec], folder: &Path) -> String {
        let ready = folder.join("ready").join(&self.name);
        fs::create_dir_all(&ready).expect("a directory for the files that the step writes");
        let mut script = "set -e\n".to_owned();
        for (output, content) in &self.files {
            let source = ready.join(output);
            fs::write(&source, content).expect("the content of the output");
            let spec = specs.iter().find(|spec| spec.name.as_str() == output);
            let target = match spec.and_then(|spec| spec.path.clone()) {
                Some(path) => path,
                None => format!("${}/{output}", path::OUTPUTS_VARIABLE),
            };
            let source = source.display();
            // Writing to a string cannot fail.
            let _ = writeln!(script, "mkdir -p \"$(dirname \"{target}\")\"");
            let _ = writeln!(script, "cp \"{source}\" \"{target}\"");
        }
        let _ = write!(script, "touch \"{}\"; ", ready.join("ran").display());
        let _ = write!(script, "exit {}", self.exit);
        script
    }
}

impl Running {
    /// Sends a POST instead of running a redirector, and ignores the response.
    pub(crate) fn unheard(client: Client, path: &'static str) -> Self {
        let task = tokio::spawn(async move {
            let request = Request::post(path).body(Body::empty());
            // Ignore the result, because the sidecar is usually killed while it processes the request.
            let _ = client.send(request.expect("a request")).await;
            Ended::default()
        });
        Self {
            task,
            process: None,
        }
    }

    /// Waits until the step exits.
    ///
    /// # Panics
    ///
    /// Panics if the exit status of the redirector is not available.
    pub async fn ended(mut self) -> Ended {
        (&mut self.task).await.expect("a redirector")
    }

    /// Returns true if the step has exited.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ended {
    /// Returns `self` after asserting that the redirector exited with this code.
    ///
    /// # Panics
    ///
    /// Panics with the standard error if the code differs.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// Returns `self` after asserting that the standard error contains all of these texts.
    ///
    /// # Panics
    ///
    /// Panics with the standard error if one of the texts is missing.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no '{word}' in: {}",
                self.stderr
            );
        }
        self
    }
}

/// Runs the redirector as a process.
pub(crate) fn spawn(program: &str, arguments: &[String]) -> Running {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().expect("a redirector");
    let process = child.id();
    let task = tokio::spawn(async move {
        let output = child
            .wait_with_output()
            .await
            .expect("the redirector's exit status");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    });
    Running { task, process }
}

/// Returns the output with a path below the run's directory, because directories such as `/workspace` do not exist on this
/// machine.
fn placed(spec: &OutputSpec, folder: &Path) -> OutputSpec {
    let below = |path: &String| {
        let path: PathBuf = folder.join(path.trim_start_matches('/'));
        path.display().to_string()
    };
    OutputSpec {
        path: spec.path.as_ref().map(below),
        ..spec.clone()
    }
}

/// Returns the results that were written when the run finished, by name.
pub(crate) fn results(folder: &Path) -> Vec<(String, Value)> {
    let mut results: Vec<(String, Value)> = fs::read_dir(folder)
        .expect("the results")
        .flatten()
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a result");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).expect("a result in JSON"))
        })
        .collect();
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    results
}

//! Programs that a case runs, kubectl first of all, and what they said.

use std::io::Write as _;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

/// What a program said.
#[derive(Debug)]
#[must_use = "call `succeed` or `fail`"]
pub struct Output {
    /// The program and its arguments.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Runs a command to its end, with `input` for its standard input.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    pub fn of(command: &mut Command, input: &str) -> Self {
        let words: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let words = words.join(" ");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{words}: {error}"));
        let mut stdin = child.stdin.take().expect("a pipe");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // One that ends without reading says why by itself.
                drop(stdin.write_all(input.as_bytes()));
            });
            child.wait_with_output()
        });
        let output = output.unwrap_or_else(|error| panic!("{words}: {error}"));
        Self {
            command: words,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its standard output.
    ///
    /// # Panics
    ///
    /// When it failed.
    #[track_caller]
    pub fn succeed(self) -> String {
        assert!(
            self.status.success(),
            "{}: {}: {}",
            self.command,
            self.status,
            self.stderr
        );
        self.stdout
    }

    /// Its standard error.
    ///
    /// # Panics
    ///
    /// When it succeeded.
    #[track_caller]
    pub fn fail(self) -> String {
        assert!(
            !self.status.success(),
            "{} should have failed: {}",
            self.command,
            self.stdout
        );
        self.stderr
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    ///
    /// When it failed, or printed something else.
    #[track_caller]
    pub fn json(self) -> Value {
        let command = self.command.clone();
        let text = self.succeed();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
    }
}

//! Runs programs for a case, mainly kubectl, and returns their output.

use std::io::Write as _;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

/// The output of a program.
#[derive(Debug)]
#[must_use = "call `succeed` or `fail`"]
pub struct Output {
    /// The program and its arguments.
    pub command: String,
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl Output {
    /// Runs a command until it exits, with `input` as its standard input.
    ///
    /// # Panics
    ///
    /// Panics if the command cannot be started.
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
                // Ignore a write error, because a program that exits without reading its input reports the reason itself.
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

    /// Returns the program's standard output.
    ///
    /// # Panics
    ///
    /// Panics if the program failed.
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

    /// Returns the program's standard error.
    ///
    /// # Panics
    ///
    /// Panics if the program succeeded.
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

    /// Returns the program's standard output as JSON.
    ///
    /// # Panics
    ///
    /// Panics if the program failed, or its output is not JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let command = self.command.clone();
        let text = self.succeed();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
    }
}

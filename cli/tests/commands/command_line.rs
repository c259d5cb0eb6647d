//! Tests the command line itself: help, completions, and the program as a kubectl plugin.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::{self, gleaner};

/// The argument for `--output` that the example requires.
const DIGEST: &str =
    "build.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn help_contains_examples() {
    for command in ["run", "render", "lint", "translate", "inject", "uninject"] {
        let ran = gleaner(&[command, "--help"]);
        ran.exits(0);
        assert!(ran.stdout.contains("Examples:\n"), "{}", ran.stdout);
        assert!(
            ran.stdout.contains(&format!("gleaner {command} -f ")),
            "{}",
            ran.stdout
        );
    }
    for command in ["init", "explain", "schema", "man"] {
        let ran = gleaner(&[command, "--help"]);
        let example = format!("Examples:\n  gleaner {command}");
        assert!(ran.stdout.contains(&example), "{}", ran.stdout);
    }
    let ran = gleaner(&["--version"]);
    assert_eq!(
        ran.stdout,
        format!("gleaner {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_examples_of_the_help_can_be_pasted() {
    let list = gleaner(&["--help"]).stdout;
    let commands = list
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    let mut count = 0;
    for command in commands.filter(|command| *command != "help") {
        let help = gleaner(&[command, "--help"]).stdout;
        let lines = help
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| line.is_empty() || line.starts_with(' '));
        for line in lines {
            // A wider line would be wrapped, which removes the indentation, and the `#` of a comment.
            assert!(line.len() <= 100, "{command}: {line}");
            count += 1;
        }
        let rest = help.split("Examples:").nth(1).unwrap_or_default();
        let wrapped = rest
            .lines()
            .take_while(|line| !line.starts_with("Exit codes:"));
        let mut wrapped = wrapped.filter(|line| !line.is_empty() && !line.starts_with("  "));
        assert_eq!(wrapped.next(), None, "{command}");
    }
    assert!(count > 30, "{count}");
}

#[test]
fn internal_commands_are_hidden() {
    let ran = gleaner(&["--help"]);
    assert!(
        !ran.stdout.contains("sidecar ") && !ran.stdout.contains("redirector "),
        "{}",
        ran.stdout
    );
    assert!(
        gleaner(&["redirector", "--version"])
            .stdout
            .starts_with("gleaner-redirector ")
    );
    assert!(
        gleaner(&["sidecar", "--version"])
            .stdout
            .starts_with("gleaner-sidecar ")
    );
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    gleaner(&["lint"]).exits(64).says("--filename <FILE>");
    gleaner(&["rendr"]).exits(64).says("'render'");
    gleaner(&["run", "-f", "x", "--timeout", "soon"])
        .exits(64)
        .says("30s, 5m or 1h30m");
}

/// The commands that read documents and print documents or findings, with the flags that they need.
const FILE_COMMANDS: [&[&str]; 5] = [
    &["lint"],
    &["translate"],
    &["inject", "--image", "i"],
    &["uninject"],
    &["render", "--output", DIGEST, "-p", "imageUrl=y"],
];

#[test]
fn files_are_accepted_with_and_without_a_flag() {
    let file = "examples/build-and-push.yaml";
    for command in FILE_COMMANDS {
        let flag = gleaner(&[command, &["-f", file]].concat());
        let bare = gleaner(&[command, &[file]].concat());
        assert_eq!(flag.code, bare.code, "{flag:?}");
        assert_eq!((&flag.stdout, &flag.stderr), (&bare.stdout, &bare.stderr));
        assert_eq!(flag.code, 0, "{flag:?}");
        gleaner(command).exits(64).says("--filename <FILE>");
    }
    let two = gleaner(&[
        "translate",
        "-o",
        "json",
        file,
        "examples/secret-output.yaml",
    ]);
    two.exits(0);
    assert!(
        two.stdout
            .starts_with("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\""),
        "{}",
        two.stdout
    );
}

#[test]
fn every_command_has_the_same_flag_for_the_output_format() {
    let file = "examples/build-and-push.yaml";
    for command in FILE_COMMANDS {
        let short = gleaner(&[command, &["-f", file, "-o", "json"]].concat());
        let long = gleaner(&[command, &["-f", file, "--format", "json"]].concat());
        short.exits(0);
        assert_eq!(short.stdout, long.stdout);
        serde_json::from_str::<serde_json::Value>(&short.stdout).expect("JSON");
    }
}

#[test]
fn completions_include_the_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = gleaner(&["completions", shell]);
        ran.exits(0);
        assert!(ran.stdout.contains("step-command"), "{shell}");
    }
}

#[test]
fn kubectl_finds_the_plugin() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
    let output = command
        .arg0("/usr/bin/kubectl-gleaner")
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Usage: kubectl gleaner run "), "{help}");
}

#[test]
fn every_command_reports_a_full_standard_output() {
    let task = "examples/build-and-push.yaml";
    for arguments in [
        &["run", "-f", task][..],
        &["run", "-f", task, "-o", "json"],
        &["render", "-f", task, "--output", DIGEST],
        // For a file without a declaration, `lint` prints a note.
        &["lint", "-f", "examples/crds/knative-service.yaml"],
        &["lint", "-f", task, "--format", "json"],
        &["translate", "-f", task],
        &["inject", "-f", task, "--image", "g"],
        &["uninject", "-f", task],
        &["uninject", "--list", "-f", task],
        &["init"],
        &["explain"],
        &["schema"],
        &["completions", "bash"],
        &["--help"],
        &["run", "--help"],
        &["--version"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = support::command(arguments);
        let output = command.stdin(Stdio::null()).stdout(full).output().unwrap();
        support::ran(output)
            .exits(74)
            .says("cannot write to standard output: ");
        // If standard output is closed, the Rust runtime replaces it with /dev/null before `main`, so writing would not fail.
        let command = support::command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" >&-"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.current_dir(support::repository());
        let ran = support::ran(shell.stdin(Stdio::null()).output().unwrap());
        ran.exits(74);
        assert_eq!(
            ran.stderr, "error: cannot write to standard output: it is closed\n",
            "{arguments:?}"
        );
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    for arguments in [
        &[
            "render",
            "-f",
            "examples/build-and-push.yaml",
            "--output",
            DIGEST,
        ][..],
        &["lint", "-f", "examples/crds/knative-service.yaml"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = support::command(arguments);
        let output = command
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        support::ran(output).exits(0);
    }
}

//! Tests colors, progress and control characters in output to a terminal, and the manual pages.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::Stdio;

use crate::support::{ONE, Ran, command, file, gleaner, ran, run, task};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const STEP: &str =
    "steps: [{name: one, image: i, script: 'echo hi; printf x > $GLEANER_OUTPUTS/a'}]";

fn with_variable(arguments: &[&str], name: &str, value: &str) -> Ran {
    let mut command = command(arguments);
    ran(command
        .env(name, value)
        .stdin(Stdio::null())
        .output()
        .unwrap())
}

#[test]
fn the_color_flag_and_environment_variables_control_colors() {
    let directory = tempfile::tempdir().unwrap();
    let broken = task(ONE, "steps: [{name: other, image: i}]");
    let path = file(directory.path(), "task.yaml", &broken);
    for format in ["short", "human"] {
        let lint = ["lint", "--format", format, &path];
        let is_colored = |more: &[&str]| gleaner(&[&lint, more].concat()).stdout.contains('\u{1b}');
        assert!(!is_colored(&[]), "{format}");
        assert!(!is_colored(&["--color", "auto"]), "{format}");
        assert!(!is_colored(&["--color=never"]), "{format}");
        assert!(is_colored(&["--color", "always"]), "{format}");
    }
    // The flag may precede the subcommand, and also affects messages on standard error.
    let uncolored = gleaner(&["--color", "never", "render", "-f", &path]).stderr;
    let colored = gleaner(&["--color", "always", "render", "-f", &path]).stderr;
    assert!(
        !uncolored.contains('\u{1b}') && colored.contains(": \u{1b}[1m\u{1b}[31merror\u{1b}[0m: "),
        "{colored}"
    );
    gleaner(&["lint", "--color", "maybe", &path])
        .exits(64)
        .says("maybe");
    // Without the flag, environment variables take effect; the flag overrides them.
    let lint = ["lint", &path];
    let forced = with_variable(&lint, "CLICOLOR_FORCE", "1").stdout;
    assert!(forced.contains('\u{1b}'), "{forced}");
    let never = with_variable(
        &[&lint[..], &["--color", "never"]].concat(),
        "CLICOLOR_FORCE",
        "1",
    );
    assert!(!never.stdout.contains('\u{1b}'));
    let always = with_variable(
        &[&lint[..], &["--color", "always"]].concat(),
        "NO_COLOR",
        "1",
    );
    assert!(always.stdout.contains('\u{1b}'));
}

#[test]
fn a_quiet_run_shows_the_output_of_its_steps() {
    let text = task(ONE, STEP);
    let loud = run(&text, &[]);
    loud.exits(0)
        .says("▶ one")
        .says("created")
        .says("steps.one.a = x");
    let quiet = run(&text, &["--quiet"]);
    quiet.exits(0);
    assert_eq!(quiet.stderr, "one | hi\n");
    assert_eq!(quiet.object()["data"]["a"], "x");
    let kept = run(&text, &["-q", "--keep"]);
    kept.exits(0);
    let (_, directory) = kept
        .stderr
        .split_once("\n  the directory of this run is ")
        .expect(&kept.stderr);
    std::fs::remove_dir_all(directory.trim_end()).unwrap();
}

#[test]
fn a_quiet_run_that_fails_prints_the_reason() {
    let text = task(
        ONE,
        "steps: [{name: zero, image: i, script: 'true'}, {name: one, image: i, script: exit 3}]",
    );
    let ran = run(&text, &["-q"]);
    ran.exits(3).says("✘ one ").says("nothing was created");
    assert!(!ran.stderr.contains("zero"), "{}", ran.stderr);
}

#[test]
fn control_characters_of_a_document_do_not_reach_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let escape = r#"steps: {one: [{name: "a\e[2Jb\x9bc\x7f"}]}"#;
    let path = file(directory.path(), "task.yaml", &task(escape, STEP));
    for format in ["short", "human", "github"] {
        let ran = gleaner(&["lint", "--format", format, &path]);
        ran.exits(1);
        let is_harmless = |letter: char| letter == '\n' || !letter.is_control();
        assert!(
            ran.stdout.chars().all(is_harmless),
            "{format}: {:?}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains("\u{241b}[2Jb"),
            "{format}: {}",
            ran.stdout
        );
    }
    let ran = gleaner(&["render", "-f", &path, "--task", "\u{1b}[2J"]);
    ran.exits(64).says("\u{241b}[2J");
}

#[test]
fn each_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man/man1");
    gleaner(&["man", pages.to_str().unwrap()]).exits(0);
    let help = gleaner(&["--help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names = names
        .filter(|name| *name != "help")
        .map(|name| format!("gleaner-{name}.1"));
    let mut expected: Vec<String> = names.chain(["gleaner.1".to_owned()]).collect();
    expected.sort();
    let mut written: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, expected);
    assert!(written.len() >= 12, "{written:?}");
    let run = std::fs::read_to_string(pages.join("gleaner-run.1")).unwrap();
    for text in [
        ".TH gleaner-run 1 ",
        "\\-\\-step\\-command",
        "gleaner run \\-f examples/build\\-and\\-push.yaml",
    ] {
        assert!(run.contains(text), "{text}\n{run}");
    }
    gleaner(&["man", "/dev/null/x"])
        .exits(64)
        .says("cannot write to '/dev/null/x': ");
}

/// Runs the Task on a terminal with this number of columns. Returns everything that was written to the terminal.
fn on_terminal(text: &str, columns: u16) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "task.yaml", text);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let user_end = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap());
    let user_end = user_end.unwrap();
    let size = Winsize {
        ws_col: columns,
        ws_row: 25,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&user_end, size).unwrap();
    // The command must erase the line even with `--color never`.
    let mut command = command(&["--color", "never", "run", "-f", &path]);
    let command = command.env("TERM", "xterm").stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(user_end)
        .spawn()
        .unwrap();
    // `command` holds this process's last handle to the user's end of the terminal. Drop it, so that the read below can end.
    command.stderr(Stdio::null());
    let (mut terminal, mut bytes) = (File::from(terminal), Vec::new());
    let end = terminal.read_to_end(&mut bytes).unwrap_err();
    // Linux returns this error when no process has the user's end of the terminal open.
    assert_eq!(Errno::from_io_error(&end), Some(Errno::IO));
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Returns a Task whose step prints lines slowly. The run then waits for a Job that no controller completes.
fn waits() -> String {
    let declaration = "
steps: {one: [{name: a}]}
objects:
  - name: migrate
    waitFor: {condition: Complete, timeout: 3s}
    resourceTemplate: {apiVersion: batch/v1, kind: Job, metadata: {name: m-$(steps.one.a)}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: busybox}]}}}}
";
    let script = "for i in 1 2 3; do echo line $i; sleep 0.5; done; printf 1 > $GLEANER_OUTPUTS/a";
    task(
        declaration,
        &format!("steps: [{{name: one, image: i, script: '{script}'}}]"),
    )
}

/// The control characters before each update of the wait line: return to the beginning of the line, and erase it.
const ERASE: &str = "\r\u{1b}[2K";

#[test]
fn a_terminal_shows_what_the_run_waits_for_below_all_other_lines() {
    let raw = on_terminal(&waits(), 120);
    let is_shown = |line: &str| raw.contains(&format!("{ERASE}  {line}"));
    let is_counted = |subject: &str, state: &str| {
        let mut lines = (1..5).map(|seconds| format!("{subject}: {seconds}s elapsed{state}"));
        lines.any(|line| is_shown(&line))
    };
    assert!(is_shown("step one is running: 0s elapsed"), "{raw:?}");
    assert!(is_counted("step one is running", ""), "{raw:?}");
    let state = " (condition Complete, at most 3s)";
    assert!(is_counted("waiting for Job/m-1", state), "{raw:?}");
    // The lines that remain visible.
    let lines = raw.lines().map(|line| line.rsplit(ERASE).next().unwrap());
    let lines: Vec<&str> = lines.collect();
    for line in [
        "one | line 1",
        "one | line 2",
        "one | line 3",
        "  steps.one.a = 1",
    ] {
        assert!(lines.contains(&line), "{line}\n{lines:#?}");
    }
    let remains = |line: &&str| line.contains("is running") || line.starts_with("  waiting for");
    assert!(!lines.iter().any(remains), "{lines:#?}");
}

#[test]
fn the_wait_line_is_shortened_to_the_width_of_the_terminal() {
    let raw = on_terminal(&waits(), 30);
    let shown = raw.split(ERASE).skip(1);
    let shown = shown.map(|text| text.split('\n').next().unwrap());
    let waits: Vec<&str> = shown.filter(|text| text.starts_with("  waiting")).collect();
    let is_cut = |text: &&str| text.starts_with("  waiting for Job/m-1: ") && text.len() == 29;
    assert!(!waits.is_empty() && waits.iter().all(is_cut), "{raw:?}");
}

#[test]
fn a_long_step_is_reported_without_a_terminal() {
    let text = task(
        ONE,
        "steps: [{name: one, image: i, script: 'sleep 10.5; printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let ran = run(&text, &[]);
    let lines = ran.exits(0).stderr.lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains("is running")).collect();
    assert_eq!(lines, ["  step one is running: 10s elapsed"]);
    assert!(!ran.stderr.contains('\r'), "{:?}", ran.stderr);
}

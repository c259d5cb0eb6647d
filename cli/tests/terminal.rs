//! Tests colors, progress and control characters in output to a terminal, and the manual pages.

mod support;

use std::process::Stdio;

use support::{ONE, Ran, command, file, gleaner, ran, run, task};

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

//! Tests signals under different supervisors. The command must receive each signal as often, and the supervisor must
//! observe the same exit status, as without the redirector.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Running, Sidecar, Step, handled, signal, until};

/// A program that prints a line for each signal that it receives. When the file `go` exists, it writes the number of times that
/// it received each signal to the file `counts`, and exits.
const COUNTER: &str = r#"
    my @names = qw(TERM INT HUP QUIT USR1 USR2 ALRM CONT TSTP TTIN TTOU WINCH URG);
    my %count;
    $SIG{$_} = sub { $count{$_[0]}++; syswrite STDOUT, "got $_[0]\n"; open my $file, ">>", "seen"; print $file "$_[0] " } for @names;
    setpgrp(0, 0) if $ENV{LEAVE};
    open my $seen, ">>", "seen"; print $seen "ready "; close $seen;
    syswrite STDOUT, "ready\n";
    until (-e "go") { select undef, undef, undef, 0.005 }
    open my $file, ">", "counts.new"; print $file join(" ", map { "$_=$count{$_}" } sort keys %count); close $file;
    rename "counts.new", "counts";
    exit 40 + ($count{TERM} // 0);
"#;
/// The signals to send. Each of the [`ROUNDS`] rounds sends all of them, one after the other.
const SIGNALS: [&str; 13] = [
    "TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "CONT", "TSTP", "TTIN", "TTOU", "WINCH",
    "URG",
];
const ROUNDS: usize = 3;

/// Starts a program in a new process group of the same session, as a shell with job control, `tini` and Tekton's entrypoint do.
const OWN_GROUP: [&str; 3] = ["perl", "-e", "setpgrp(0, 0); exec @ARGV"];
/// Starts a program in a new session, as a container runtime and `dumb-init` do.
const OWN_SESSION: [&str; 3] = ["perl", "-MPOSIX", "-ePOSIX::setsid(); exec @ARGV"];

#[derive(Clone, Copy)]
enum To {
    Process,
    Group,
}

/// Returns a command that runs the counter program, started by the step's prefix. If `wrapped` is true, the counter runs
/// as the step's command; otherwise, it runs without the redirector.
fn counter(step: &Step, wrapped: bool) -> Command {
    let words = ["perl", "-e", COUNTER];
    if wrapped {
        step.wrapping(&words)
    } else {
        step.command(step.prefix.iter().map(String::as_str).chain(words))
    }
}

/// Runs the counter, sends it each signal [`ROUNDS`] times, and returns the counts and the exit code.
fn counts(
    name: &str,
    prefix: &[&str],
    variable: &str,
    to: To,
    wrapped: bool,
) -> (String, Option<i32>) {
    let sidecar = Sidecar::content();
    let mut step = Step::new(&sidecar).started_by(prefix);
    if !variable.is_empty() {
        step = step.environment(variable, "1");
    }
    let mut running = Running::start(counter(&step, wrapped));
    assert_eq!(running.line(), "ready", "{name}");
    let target = match to {
        To::Process => running.pid().to_string(),
        To::Group => format!("-{}", running.pid()),
    };
    for _ in 0..ROUNDS {
        for each in SIGNALS {
            signal(each, &target);
            assert_eq!(running.line(), format!("got {each}"), "{name}");
            if wrapped {
                handled(&running.pid().to_string());
            }
        }
    }
    fs::write(step.path("go"), "").unwrap();
    let ran = running.wait();
    assert_eq!(ran.stderr, "", "{name}");
    (fs::read_to_string(step.path("counts")).unwrap(), ran.code)
}

#[test]
fn a_signal_arrives_exactly_once_in_every_arrangement() {
    let table: [(&str, &[&str], &str, To); 8] = [
        ("kill PID, in the group of the parent", &[], "", To::Process),
        (
            "kill PID, in a separate group: tini, docker run --init",
            &OWN_GROUP,
            "",
            To::Process,
        ),
        (
            "kill -PGID, in a separate group: a shell, Tekton's entrypoint",
            &OWN_GROUP,
            "",
            To::Group,
        ),
        (
            "kill PID, in a separate session: a container's first process",
            &OWN_SESSION,
            "",
            To::Process,
        ),
        (
            "kill -PGID, in a separate session: dumb-init",
            &OWN_SESSION,
            "",
            To::Group,
        ),
        (
            "kill -PGID, a command that leaves the group",
            &OWN_GROUP,
            "LEAVE",
            To::Group,
        ),
        (
            "kill PID, a command that leaves the group",
            &OWN_GROUP,
            "LEAVE",
            To::Process,
        ),
        (
            "kill -PGID, a session whose command leaves the group",
            &OWN_SESSION,
            "LEAVE",
            To::Group,
        ),
    ];
    let mut expected: Vec<String> = SIGNALS.map(|name| format!("{name}={ROUNDS}")).into();
    expected.sort();
    let expected = (expected.join(" "), Some(40 + ROUNDS as i32));
    for (name, prefix, variable, to) in table {
        assert_eq!(
            counts(name, prefix, variable, to, false),
            expected,
            "bare: {name}"
        );
        assert_eq!(
            counts(name, prefix, variable, to, true),
            expected,
            "wrapped: {name}"
        );
    }
}

/// Runs the counter under a supervisor that sends a signal after a time limit, and returns the counts.
fn supervised(prefix: &[&str], wrapped: bool) -> String {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).started_by(prefix);
    let mut running = Running::start(counter(&step, wrapped));
    assert_eq!(running.line(), "ready");
    assert!(running.line().starts_with("got"));
    fs::write(step.path("go"), "").unwrap();
    running.wait();
    // The supervisor may exit before the command, so also wait for the command.
    until("the command has exited", || step.path("counts").exists());
    fs::read_to_string(step.path("counts")).unwrap()
}

#[test]
fn signals_of_supervisors_with_a_time_limit_reach_the_command() {
    let alarm = ["perl", "-e", "alarm 1; exec @ARGV"];
    for wrapped in [false, true] {
        assert_eq!(
            supervised(&["timeout", "--foreground", "1"], wrapped),
            "TERM=1"
        );
        assert_eq!(
            supervised(&alarm, wrapped),
            "ALRM=1",
            "the command must receive the alarm that was set before exec"
        );
        // `timeout` sends the signal first to its child and then to the whole group. If the second signal arrives before the
        // command has handled the first, the command receives only one.
        let counts = supervised(&["timeout", "1"], wrapped);
        let counts: Vec<&str> = counts.split(' ').collect();
        assert!(
            ["TERM=1", "TERM=2"].contains(counts.last().unwrap()),
            "{counts:?}"
        );
    }
}

/// Runs the counter on a terminal, and types `keys`, or closes the terminal if `keys` is `None`. Returns the counts.
fn on_a_terminal(keys: Option<&str>, wrapped: bool) -> String {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let command = counter(&step, wrapped);
    // `script` runs a shell command line. With `exec`, the program replaces the shell.
    let words = command.get_args().map(|word| {
        let word = word.to_str().unwrap().replace('\'', r"'\''");
        format!("'{word}'")
    });
    let words: Vec<String> = words.collect();
    let line = format!("exec /usr/bin/env {}", words.join(" "));
    let mut script = step.command(["script", "-qfec", &line, "typescript"]);
    script.env("SHELL", "/bin/sh");
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut script = script.spawn().unwrap();
    // Read the file `seen`, which the counter writes, and not the output file of `script`, which also contains the command line
    // with the names of all signals.
    let seen = |what: &str| {
        let seen = fs::read_to_string(step.path("seen"));
        seen.is_ok_and(|seen| seen.contains(what))
    };
    until("the command is ready", || seen("ready"));
    match keys {
        Some(keys) => {
            let mut stdin = script.stdin.take().unwrap();
            stdin.write_all(keys.as_bytes()).unwrap();
            until("the command has received the key's signal", || {
                ["INT", "QUIT", "TSTP"].iter().any(|name| seen(name))
            });
            fs::write(step.path("go"), "").unwrap();
            script.wait().unwrap();
        }
        None => {
            script.kill().unwrap();
            script.wait().unwrap();
            until("the command has received SIGHUP", || {
                seen("HUP") && seen("CONT")
            });
            fs::write(step.path("go"), "").unwrap();
        }
    }
    until("the command has exited", || step.path("counts").exists());
    fs::read_to_string(step.path("counts")).unwrap()
}

#[test]
fn signals_from_a_terminal_reach_the_command_once() {
    for wrapped in [false, true] {
        assert_eq!(on_a_terminal(Some("\u{3}"), wrapped), "INT=1", "Ctrl-C");
        assert_eq!(on_a_terminal(Some("\u{1c}"), wrapped), "QUIT=1", "Ctrl-\\");
        assert_eq!(on_a_terminal(Some("\u{1a}"), wrapped), "TSTP=1", "Ctrl-Z");
        // The kernel sends SIGHUP first to the session leader, and then to the foreground process group of the terminal, so the
        // command may receive it twice.
        let hung_up = on_a_terminal(None, wrapped);
        assert!(
            hung_up.contains("CONT=1 HUP=1") || hung_up.contains("CONT=1 HUP=2"),
            "{hung_up}"
        );
    }
}

//! Tests in which the command is stopped. The redirector's parent must observe that its child is stopped and continued.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use gleaner_testkit::process::run;

use crate::support::{Running, Sidecar, Step, until};

/// A program that runs a child in a new process group, as a shell with job control does, and prints each state change of the
/// child. The first argument is Perl code that runs before each wait, and sends signals to the child `$p` or the command `$c`.
/// The program makes the system call `wait4` directly, because Perl's `waitpid` does not report stopped children.
const PARENT: &str = r#"
    my $react = shift;
    my $p = fork;
    if (!$p) { setpgrp(0, 0); exec @ARGV }
    sub changed {
        my $status = "\0" x 8;
        syscall(WAIT4, $p, $status, 2, 0);
        $status = unpack "i", $status;
        if (!($status & 0x7f)) { print "exited ", $status >> 8, "\n"; exit }
        if (($status & 0xff) != 0x7f) { print "killed ", $status & 0x7f, "\n"; exit }
        print "stopped ", $status >> 8, "\n";
        open my $file, "<", "command"; $c = <$file>; chomp $c;
    }
    for (1 .. 9) { eval $react; die $@ if $@; changed() }
"#;

/// Makes the parent program start the step, with `react` as the Perl code, and returns the step.
fn parent(step: Step, react: &str) -> Step {
    let code = PARENT.replace("WAIT4", &libc::SYS_wait4.to_string());
    step.started_by(&["perl", "-e", &code, react])
}

/// A command that writes its process ID to the file `command`, and exits with 7 when the file `go` exists. It is a single
/// process, because a shell that is waiting in `vfork` for its stopped child cannot itself be stopped.
const WAITS: &str = r#"
    open my $file, ">", "new"; print $file $$; close $file; rename "new", "command";
    select undef, undef, undef, 0.01 until -e "go";
    exit 7
"#;

/// Runs a command that stops itself with `signal` and then exits with 7, and returns the parent program's output.
fn reports(signal: &str, react: &str, wrapped: bool) -> String {
    let sidecar = Sidecar::content();
    let step = parent(Step::new(&sidecar), &format!("{react} if $c"));
    let script = format!("echo $$ > command; kill -{signal} $$; exit 7");
    let words = ["sh", "-c", script.as_str()];
    let ran = run(if wrapped {
        step.wrapping(&words)
    } else {
        step.command(step.prefix.iter().map(String::as_str).chain(words))
    });
    assert_eq!(ran.stderr, "", "{react}");
    ran.stdout
}

#[test]
fn the_parent_observes_that_the_command_stops_itself_and_continues() {
    let table = [
        ("STOP", "kill CONT => -$p", "stopped 19\nexited 7\n"),
        ("STOP", "kill CONT => $p", "stopped 19\nexited 7\n"),
        ("STOP", "kill CONT => $c", "stopped 19\nexited 7\n"),
        ("STOP", "kill KILL => $c", "stopped 19\nkilled 9\n"),
        ("TSTP", "kill CONT => -$p", "stopped 20\nexited 7\n"),
        ("TTIN", "kill CONT => $p", "stopped 21\nexited 7\n"),
        ("TTOU", "kill CONT => $c", "stopped 22\nexited 7\n"),
        // The command stops twice, because the second stop would reveal state that was not reset after the first.
        (
            "STOP $$; kill -TSTP",
            "kill CONT => -$p",
            "stopped 19\nstopped 20\nexited 7\n",
        ),
    ];
    for (signal, react, expected) in table {
        assert_eq!(
            reports(signal, react, false),
            expected,
            "bare: {signal}, {react}"
        );
        assert_eq!(
            reports(signal, react, true),
            expected,
            "wrapped: {signal}, {react}"
        );
    }
}

#[test]
fn a_stop_signal_stops_the_command_and_the_redirector() {
    let table = [
        ("TSTP", "$p", "$p"),
        ("TSTP", "-$p", "-$p"),
        ("STOP", "-$p", "-$p"),
        // The whole group is stopped, but only the child is continued.
        ("STOP", "-$p", "$p"),
    ];
    for (signal, stopped, continued) in table {
        let react = r#"
            if (!$c) {
                select undef, undef, undef, 0.01 until -e "command";
                kill SIGNAL => STOPPED;
            } else {
                my $state = "";
                until ($state eq "T") { open my $stat, "<", "/proc/$c/stat"; $state = (split / /, <$stat>)[2] }
                open my $go, ">", "go";
                kill CONT => CONTINUED;
            }
        "#;
        let react = react.replace("SIGNAL", signal).replace("STOPPED", stopped);
        let react = react.replace("CONTINUED", continued);
        let sidecar = Sidecar::content();
        let step = parent(Step::new(&sidecar), &react);
        let ran = step.run(&["perl", "-e", WAITS]);
        let number = if signal == "TSTP" { 20 } else { 19 };
        let expected = format!("stopped {number}\nexited 7\n");
        assert_eq!(
            ran.stdout, expected,
            "{signal}, {continued}: {}",
            ran.stderr
        );
    }
}

/// Types keys in a shell with job control. Ctrl-Z stops the job, and `fg` continues it.
#[test]
fn a_shell_with_job_control_stops_and_continues_the_step() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let command = step.wrapping(&["perl", "-e", WAITS]);
    let words: Vec<&str> = command
        .get_args()
        .map(|word| word.to_str().unwrap())
        .collect();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let job = format!("/usr/bin/env {}", quoted.join(" "));
    let mut script = step.command([
        "script",
        "-qfec",
        "bash --norc --noprofile -i",
        "typescript",
    ]);
    script.env("PS1", "> ").env("HISTFILE", "/dev/null");
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut script = script.spawn().unwrap();
    let mut keys = script.stdin.take().unwrap();
    let shown = || {
        String::from_utf8_lossy(&fs::read(step.path("typescript")).unwrap_or_default()).into_owned()
    };
    writeln!(keys, "{job}").unwrap();
    until("the command runs", || step.path("command").exists());
    keys.write_all(b"\x1a").unwrap();
    until("the shell has the terminal back", || {
        shown().contains("Stopped")
    });
    writeln!(keys, "fg").unwrap();
    fs::write(step.path("go"), "").unwrap();
    writeln!(keys, "echo code-$?-").unwrap();
    until("the job has finished", || shown().contains("code-7-"));
    writeln!(keys, "exit").unwrap();
    script.wait().unwrap();
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":7}"#]);
}

/// The witness process, which receives the signals to the group, exits with the redirector in every case, and does not keep the
/// step's stdout open.
#[test]
fn the_witness_exits_with_the_redirector() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).started_by(&["perl", "-e", "setpgrp(0, 0); exec @ARGV"]);
    for end in ["go", "kill"] {
        let mut running = step.start("echo $$; until [ -e go ]; do sleep 0.01; done");
        running.line();
        let redirector = running.pid();
        let children = || {
            let path = format!("/proc/{redirector}/task/{redirector}/children");
            fs::read_to_string(path).unwrap_or_default()
        };
        until("both children run", || {
            children().split_whitespace().count() == 2
        });
        let children: Vec<String> = children().split_whitespace().map(str::to_owned).collect();
        if end == "kill" {
            crate::support::signal("KILL", &redirector.to_string());
        } else {
            fs::write(step.path("go"), "").unwrap();
        }
        let ran = running.wait();
        assert_eq!(ran.signal.is_some(), end == "kill");
        for child in children {
            until("the child has exited", || crate::support::has_ended(&child));
        }
        let _ = fs::remove_file(step.path("go"));
    }
}

#[test]
fn without_the_witness_process_signals_still_reach_the_command() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let mut running: Running =
        step.start("trap 'exit 44' TERM; echo $$; while :; do sleep 0.01; done");
    let command = running.line();
    let path = format!("/proc/{0}/task/{0}/children", running.pid());
    let mut helper = String::new();
    until("the witness runs", || {
        let children = fs::read_to_string(&path).unwrap();
        let other = children.split_whitespace().find(|child| *child != command);
        helper = other.unwrap_or_default().to_owned();
        !helper.is_empty()
    });
    crate::support::signal("KILL", &helper);
    until("the witness is reaped", || {
        !std::path::Path::new("/proc").join(&helper).exists()
    });
    crate::support::signal("TERM", &running.pid().to_string());
    assert_eq!(running.wait().code, Some(44));
}

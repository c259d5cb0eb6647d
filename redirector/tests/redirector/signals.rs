//! Tests of signals. The command must receive each signal once, and the redirector must terminate in the same way as the command.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use crate::support::{Ended as _, Ran, Running, Sidecar, Step, handled, has_ended, signal, until};

/// A script that counts SIGTERMs until the file `go` exists, and then exits with 40 plus their number.
const COUNT: &str = "n=0; trap 'n=$((n+1)); echo term' TERM; echo ready
    until [ -e go ]; do sleep 0.01; done; exit $((40+n))";

#[test]
fn the_redirector_terminates_with_the_signal_that_killed_the_command() {
    let sidecar = Sidecar::content();
    for number in [9, 15, 1, 2, 6, 10, 11, 13, 34] {
        let ran = Step::new(&sidecar).script(&format!("ulimit -c 0; kill -{number} $$"));
        assert_eq!(
            (ran.signal, ran.stderr.as_str()),
            (Some(number), ""),
            "{ran:?}"
        );
    }
    assert_eq!(
        sidecar.bodies()[..2],
        [
            r#"{"outputs":{},"exitCode":137}"#,
            r#"{"outputs":{},"exitCode":143}"#
        ]
    );
}

#[test]
fn a_signal_to_the_group_reaches_the_command_once() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    // As under Tekton, the step runs in a new process group of an existing session.
    let mut redirector = step.wrapping(&["sh", "-c", COUNT]);
    redirector.process_group(0);
    let mut running = Running::start(redirector);
    assert_eq!(running.line(), "ready");
    signal("TERM", &format!("-{}", running.pid()));
    assert_eq!(running.line(), "term");
    handled(&running.pid().to_string());
    fs::write(step.path("go"), "").unwrap();
    let Ran { code, stdout, .. } = running.wait();
    assert_eq!((code, stdout.as_str()), (Some(41), ""));
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":41}"#]);
}

#[test]
fn the_command_is_killed_with_the_redirector() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let mut running = step.start("echo $$; exec sleep 1000");
    let command = running.line();
    assert!(Path::new("/proc").join(&command).exists());
    signal("KILL", &running.pid().to_string());
    until("the command has exited", || has_ended(&command));
    assert_eq!(running.wait().signal, Some(9));
}

#[test]
fn the_outputs_of_a_command_that_handles_a_signal_are_posted() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o");
    let mut redirector = step.wrapping(&[
        "sh",
        "-c",
        "trap 'echo saved > $GLEANER_OUTPUTS/o; exit 0' TERM; echo ready; while :; do :; done",
    ]);
    redirector.process_group(0);
    let mut running = Running::start(redirector);
    assert_eq!(running.line(), "ready");
    signal("TERM", &format!("-{}", running.pid()));
    running.wait().assert_ended(0, "");
    assert_eq!(
        sidecar.bodies(),
        [r#"{"outputs":{"o":"saved"},"exitCode":0}"#]
    );
}

#[test]
fn a_stop_signal_stops_the_redirector_too() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let mut redirector = step.wrapping(&[
        "sh",
        "-c",
        "echo ready; until [ -e go ]; do sleep 0.01; done",
    ]);
    redirector.process_group(0);
    let mut running = Running::start(redirector);
    assert_eq!(running.line(), "ready");
    let group = format!("-{}", running.pid());
    signal("STOP", &group);
    let status = format!("/proc/{}/status", running.pid());
    until("the redirector is stopped", || {
        fs::read_to_string(&status).unwrap().contains("State:\tT")
    });
    signal("CONT", &group);
    fs::write(step.path("go"), "").unwrap();
    running.wait().assert_ended(0, "");
}

//! Tests the redirector as PID 1: in the container of a plain pod, and in the PID namespace that Tekton creates for a hermetic
//! step.

use std::fs;

use crate::support::{
    Ended as _, Reply, Running, Sidecar, Step, can_unshare, handled, signal, until,
};

/// The command that starts the redirector as PID 1 in a PID namespace with its own `/proc`, as a container runtime does.
const CONTAINER: [&str; 6] = [
    "unshare",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
    "setsid",
];

/// Returns the process ID, in the parent namespace, of the process that `unshare` has started as PID 1.
fn init_of(running: &Running) -> String {
    let children = format!("/proc/{0}/task/{0}/children", running.pid());
    let mut init = String::new();
    until("unshare has started the redirector", || {
        init = fs::read_to_string(&children).unwrap().trim().to_owned();
        !init.is_empty()
    });
    init
}

#[test]
fn signals_are_forwarded() {
    if !can_unshare(&CONTAINER[1..4]) {
        return;
    }
    let sidecar = Sidecar::content();
    for prefix in [&CONTAINER[..], &CONTAINER[..5]] {
        let step = Step::new(&sidecar).started_by(prefix);
        let script = "trap 'exit 44' TERM; echo ready $PPID; while :; do sleep 0.01; done";
        let mut running = step.start(script);
        assert_eq!(running.line(), "ready 1");
        signal("TERM", &init_of(&running));
        let ran = running.wait();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(44), ""));
    }
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":44}"#; 2]);
}

#[test]
fn orphans_are_reaped() {
    if !can_unshare(&CONTAINER[1..4]) {
        return;
    }
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).started_by(&CONTAINER);
    // The intermediate shell exits first, so that PID 1 adopts the shell's child. If PID 1 did not reap this child, the directory
    // of the zombie would remain in /proc.
    let script = "sh -c '(until [ -e go ]; do :; done) & echo $! > orphan'; touch go
        while [ -e /proc/$(cat orphan) ]; do :; done; exit 6";
    step.script(script).assert_ended(6, "");
}

#[test]
fn the_signal_that_kills_the_command_becomes_an_exit_code() {
    if !can_unshare(&CONTAINER[1..4]) {
        return;
    }
    let sidecar = Sidecar::content();
    for number in [9, 15] {
        let step = Step::new(&sidecar).started_by(&CONTAINER);
        step.script(&format!("kill -{number} $$"))
            .assert_ended(128 + number, "");
    }
}

#[test]
fn the_redirector_can_be_terminated_while_it_waits_for_a_response() {
    if !can_unshare(&CONTAINER[1..4]) {
        return;
    }
    let sidecar = Sidecar::replying(&[Reply::Silence]);
    let step = Step::new(&sidecar).started_by(&CONTAINER);
    let running = step.start("exit 0");
    sidecar.wait_for(1);
    signal("TERM", &init_of(&running));
    assert_eq!(running.wait().code, Some(143));
}

#[test]
fn in_a_hermetic_step_a_signal_to_the_group_is_not_forwarded_again() {
    if !can_unshare(&CONTAINER[1..4]) {
        return;
    }
    let sidecar = Sidecar::content();
    // As Tekton's entrypoint does, create a new PID namespace and a new process group, in a session that belongs to the outer
    // namespace.
    let leads = ["perl", "-e", "setpgrp(0, 0); exec @ARGV"];
    let prefix = [&CONTAINER[..5], &leads].concat();
    let step = Step::new(&sidecar).started_by(&prefix);
    let script = "n=0; trap 'n=$((n+1)); echo term' TERM; echo ready $PPID; until [ -e go ]; do sleep 0.01; done
        exit $((40+n))";
    let mut running = step.start(script);
    assert_eq!(running.line(), "ready 1");
    let init = init_of(&running);
    signal("TERM", &format!("-{init}"));
    assert_eq!(running.line(), "term");
    handled(&init);
    fs::write(step.path("go"), "").unwrap();
    assert_eq!(running.wait().code, Some(41));
}

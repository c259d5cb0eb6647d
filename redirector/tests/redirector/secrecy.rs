//! Tests that other processes on the machine cannot read a step's outputs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::{Sidecar, Step, until};

const MODE: &str = "stat -c %a \"$GLEANER_OUTPUTS\"";

#[test]
fn a_new_outputs_directory_is_private_and_an_existing_one_is_not_changed() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let mut redirector = step.bare();
    redirector.args(["--step=kaniko", "--sidecar", &sidecar.address]);
    redirector.args(["--", "sh", "-c", MODE]);
    assert_eq!(crate::support::run(redirector).stdout, "700\n");

    let made = Step::new(&sidecar);
    fs::remove_dir(made.path("outputs")).unwrap();
    assert_eq!(made.script(MODE).stdout, "700\n");
    let existing = Step::new(&sidecar);
    let mode = fs::Permissions::from_mode(0o751);
    fs::set_permissions(existing.path("outputs"), mode).unwrap();
    assert_eq!(existing.script(MODE).stdout, "751\n");
}

/// Starts a program without root's capabilities, because a process with these capabilities can read the memory of any other
/// process. An ordinary user's processes do not have them.
const UNPRIVILEGED: [&str; 3] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

#[test]
fn other_processes_can_read_the_memory_of_the_command_but_not_of_the_redirector() {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let prefix = &UNPRIVILEGED[..if is_root { 3 } else { 0 }];
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).started_by(prefix);
    let mut running = step.start("echo $$; exec sleep 1000");
    let command = running.line();
    until("the command has begun", || {
        fs::read_to_string(format!("/proc/{command}/comm")).unwrap() == "sleep\n"
    });
    // A process can read `/proc/PID/environ` only if it may also read the memory of the process `PID`.
    let readable = |pid: &str| {
        let environment = format!("/proc/{pid}/environ");
        let words = prefix.iter().copied().chain(["cat", &environment]);
        crate::support::run(step.command(words)).code == Some(0)
    };
    assert!(readable(&command));
    assert!(!readable(&running.pid().to_string()));
}

#[test]
fn opening_a_token_file_that_is_not_regular_does_not_block() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let made = std::process::Command::new("mkfifo")
        .arg(step.path("token"))
        .status()
        .unwrap();
    assert!(made.success());
    let step = step.flags(&["--token-file", "token", "--deadline=100ms"]);
    let ran = step.run(&["true"]);
    assert_eq!(ran.code, Some(69));
    let expected = "the token file 'token' cannot be used: it is not a regular file";
    assert!(ran.stderr.contains(expected), "{ran:?}");
}

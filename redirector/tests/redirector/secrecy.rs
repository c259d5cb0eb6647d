//! What others on the machine can see of a step's outputs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::{Ended as _, Running, Sidecar, Step};

const MODE: &str = "stat -c %a \"$GLEANER_OUTPUTS\"";

#[test]
fn the_directory_of_outputs_is_private_and_an_existing_one_stays_as_it_is() {
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

/// The kernel gives the files of a process that cannot be dumped to root. Run by root, the step becomes another user.
#[test]
fn the_redirector_cannot_be_dumped_and_the_command_can() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let dumpable = format!(
        "print syscall({}, 3, 0, 0, 0, 0), qq(\\n); close STDOUT; sleep 1 until -e qq(go)",
        libc::SYS_prctl
    );
    let mut running =
        Running::start(step.wrapping(&["perl", "-e", &format!("$| = 1; {dumpable}")]));
    assert_eq!(running.line(), "1", "the command");
    let owner = |pid: u32| fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid();
    let own = owner(std::process::id());
    if own == 0 {
        // Root owns all of them: a debugger without privileges is what is kept out.
        let read = std::process::Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", "cat"])
            .arg(format!("/proc/{}/environ", running.pid()))
            .output()
            .unwrap();
        assert!(!read.status.success(), "{read:?}");
    } else {
        assert_eq!(owner(running.pid()), 0);
    }
    fs::write(step.path("go"), "").unwrap();
    running.wait().assert_ended(0, "");
}

#[test]
fn a_token_file_that_is_no_regular_file_is_not_waited_for() {
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
    let expected = "the token file 'token': it is not a regular file";
    assert!(ran.stderr.contains(expected), "{ran:?}");
}

//! Tests of scripts that have the redirector as their interpreter.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{REDIRECTOR, Ran, Sidecar, Step, run};

/// Injects Gleaner into a script and runs it as Tekton does: by its path, with arguments.
fn interpreted(step: &Step, sidecar: &Sidecar, script: &str, arguments: &[&str]) -> Ran {
    let flags = [
        "--step=kaniko".to_owned(),
        format!("--sidecar={}", sidecar.address),
        format!("--output=digest={}", step.path("digest").display()),
    ];
    let flags = serde_json::to_string(&flags).unwrap();
    let content = format!("#!{REDIRECTOR} --script\n#gleaner: {flags}\n{script}");
    let file = step.path("script-0-abcde");
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = step.command([file.to_str().unwrap()]);
    command.args(arguments);
    run(command)
}

#[test]
fn a_script_runs_under_its_own_interpreter_with_its_arguments() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let script = "#!/bin/sh -e\nprintf '%s|' \"$#\" \"$1\" \"$-\" > digest\necho out\n";
    let ran = interpreted(&step, &sidecar, script, &["--script", "x"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "out\n"),
        "{}",
        ran.stderr
    );
    let bodies = sidecar.bodies();
    assert!(bodies[0].contains("2|--script|e"), "{bodies:?}");
}

#[test]
fn the_interpreter_sees_only_the_original_script() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    // The interpreter is `cat`, so the script prints the text that the interpreter reads.
    let ran = interpreted(&step, &sidecar, "#!/bin/cat\nconst x = 1;\n", &[]);
    assert_eq!(ran.stdout, "#!/bin/cat\nconst x = 1;\n");
    assert_eq!(
        ran.code,
        Some(65),
        "the step must fail, because the script does not write its output"
    );
}

#[test]
fn the_unpacked_script_is_removed_and_its_exit_code_kept() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let ran = interpreted(&step, &sidecar, "#!/bin/sh\necho $0\nexit 7\n", &[]);
    assert_eq!(ran.code, Some(7));
    let place = std::path::Path::new(ran.stdout.trim());
    assert!(place.is_absolute() && !place.exists(), "{place:?}");
}

#[test]
fn a_script_without_flags_is_a_usage_error() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    fs::write(step.path("plain"), "#!/bin/sh\n").unwrap();
    let mut command = step.bare();
    command.args(["--script", "plain"]);
    let ran = run(command);
    assert_eq!(ran.code, Some(64));
    assert!(
        ran.stderr.contains("must be '#gleaner: [...]'"),
        "{}",
        ran.stderr
    );
    let mut command = step.bare();
    command.args(["--script", "nowhere"]);
    let ran = run(command);
    assert_eq!(ran.code, Some(126), "{}", ran.stderr);
}

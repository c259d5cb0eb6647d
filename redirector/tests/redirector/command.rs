//! Tests that the command is found and run, and that it cannot detect the redirector.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Ended as _, REDIRECTOR, Sidecar, Step, run};

/// The maximum length of one argument, in bytes, including the terminating zero (`MAX_ARG_STRLEN`, 32 pages).
const ARGUMENT_MAX: usize = 131_072;

#[test]
fn the_redirector_exits_with_the_commands_exit_code() {
    let sidecar = Sidecar::content();
    for code in [0, 1, 65, 69, 127, 255] {
        Step::new(&sidecar)
            .script(&format!("exit {code}"))
            .assert_ended(code, "");
    }
    let told =
        [0, 1, 65, 69, 127, 255].map(|code| format!(r#"{{"outputs":{{}},"exitCode":{code}}}"#));
    assert_eq!(sidecar.bodies(), told);
}

#[test]
fn a_command_that_does_not_exist_exits_with_127() {
    let sidecar = Sidecar::content();
    // Set PATH, because the PATH of the test process may contain a directory that this user cannot search. In that case,
    // the error would be different.
    let step = Step::new(&sidecar).environment("PATH", "/usr/bin:/bin");
    step.run(&["no-such-command"])
        .assert_ended(127, "command 'no-such-command' not found in PATH");
    step.run(&["./no-such"]).assert_ended(
        127,
        "command './no-such' not found; check the image and the path",
    );
    step.run(&[""])
        .assert_ended(127, "command '' not found in PATH");
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":127}"#; 3]);
}

#[test]
fn a_command_that_cannot_be_run_exits_with_126() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let program = |name: &str, mode, content: &str| {
        fs::write(step.path(name), content).unwrap();
        fs::set_permissions(step.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    program("plain", 0o644, "#!/bin/sh\n");
    program("bare", 0o755, "exit 0\n");
    program("orphan", 0o755, "#!/no/such/shell\n");
    let refused = |name: &str, help: &str| {
        step.run(&[name])
            .assert_ended(126, &format!("command '{name}' cannot be run: {help}"));
    };
    refused("./plain", "it is not executable; run `chmod +x` on it");
    refused("./outputs", "it is a directory");
    refused(
        "./bare",
        "it is not an executable for this machine, or it is a script without '#!' in its first line",
    );
    refused(
        "./orphan",
        "the interpreter in its first line, or its dynamic loader, does not exist",
    );
}

#[test]
fn a_candidate_without_execute_permission_is_skipped() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    fs::write(step.path("outputs/tool"), "").unwrap();
    fs::create_dir(step.path("bin")).unwrap();
    fs::write(step.path("bin/tool"), "#!/bin/sh\nexit 5\n").unwrap();
    fs::set_permissions(step.path("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut redirector = step.wrapping(&["tool"]);
    redirector.env("PATH", "/no/such:outputs:bin");
    run(redirector).assert_ended(5, "");
}

#[test]
fn the_command_gets_the_same_environment_as_without_the_redirector() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).environment("GLEANER_ANSWER_TIMEOUT", "1m");
    // The script prints the signal masks and actions, the number of file descriptors, and the directory, group, terminal and
    // environment.
    let script = "grep -E '^(Sig(Blk|Ign|Cgt)|Groups)' /proc/self/status; ls /proc/self/fd | wc -l; pwd; umask
        ulimit -a; cut -d' ' -f6,7 /proc/self/stat; env | grep -v -e '^GLEANER_OUTPUTS=' -e ^_= | sort; cat";
    fs::write(step.path("stdin"), "fed\n").unwrap();
    let both = [
        step.wrapping(&["sh", "-c", script]),
        step.command(["sh", "-c", script]),
    ];
    let [wrapped, plain] = both.map(|mut command| {
        command.stdin(fs::File::open(step.path("stdin")).unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(plain.ends_with("fed\n"));
    assert_eq!(wrapped, plain);
}

#[test]
fn the_command_gets_an_outputs_directory() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let ran = step.script("env | grep ^GLEANER");
    let folder = step.path("outputs");
    assert_eq!(
        ran.stdout,
        format!("GLEANER_OUTPUTS={}\n", folder.display())
    );
}

#[test]
fn ignored_signals_stay_ignored() {
    let sidecar = Sidecar::content();
    let ignoring = [
        "env",
        "--ignore-signal=HUP",
        "--ignore-signal=PIPE",
        "--ignore-signal=CHLD",
    ];
    let ran =
        Step::new(&sidecar)
            .started_by(&ignoring)
            .run(&["grep", "SigIgn", "/proc/self/status"]);
    // Each hexadecimal digit represents four signals: HUP is 1, PIPE is 13, and CHLD is 17. The assertion covers only the last
    // five digits (signals 1 to 20), because the test's C library changes the actions of some signals above 31.
    assert!(ran.stdout.ends_with("11001\n"), "{ran:?}");
}

#[test]
fn a_closed_stream_stays_closed() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).started_by(&["sh", "-c", "exec \"$@\" <&- 2>&-", "sh"]);
    let ran = step.script("ls /proc/$$/fd");
    assert_eq!(ran.code, Some(0));
    let descriptors: Vec<_> = ran.stdout.lines().collect();
    assert!(
        !descriptors.contains(&"0") && !descriptors.contains(&"2"),
        "{ran:?}"
    );
    // Stderr is closed, so only the exit code reports the failure.
    assert_eq!(step.run(&["./no-such-command"]).code, Some(127));
}

#[test]
fn a_closed_stderr_does_not_fail_the_step() {
    let step = Step::at("unix:/no/such/socket").flags(&["--deadline=0s"]);
    let mut redirector = step.wrapping(&["sh", "-c", "exit 3"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = redirector.stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn long_arguments_pass_through_intact() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let longest = "x".repeat(ARGUMENT_MAX - 1);
    let ran = step.run(&["sh", "-c", "printf %s \"$1\" | cksum", "sh", &longest]);
    let plain = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$1\" | cksum", "sh", &longest])
        .output()
        .unwrap();
    assert_eq!(ran.stdout.as_bytes(), plain.stdout);
    assert!(ran.stdout.ends_with("131071\n"));
    let mut many = vec!["sh", "-c", "echo $#", "sh"];
    many.extend([longest.as_str(); 10]);
    assert_eq!(step.run(&many).stdout, "10\n");
}

#[test]
fn arguments_that_are_too_long_exit_with_126_and_a_reason() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    // The redirector adds a variable that contains this directory's long path, so the command's environment exceeds the limit,
    // although the redirector itself can be started.
    let long = step.path(&["d".repeat(250).as_str(); 12].join("/"));
    fs::create_dir_all(&long).unwrap();
    let wrapping = |bytes: usize| {
        let mut redirector = step.bare();
        redirector
            .current_dir(&long)
            .env("GLEANER_STEP", "kaniko")
            .env("GLEANER_SIDECAR", &sidecar.address)
            .env("GLEANER_OUTPUTS", ".")
            .args(["--", "true"]);
        for _ in 0..bytes / 100_000 {
            redirector.arg("x".repeat(100_000));
        }
        redirector.arg("x".repeat(bytes % 100_000));
        redirector.stdout(Stdio::null()).stderr(Stdio::null());
        redirector
    };
    // The maximum total length of the arguments depends on the machine, so the test searches for it.
    let (mut fits, mut too_many) = (0, 16 << 20);
    while too_many - fits > 100 {
        let middle = usize::midpoint(fits, too_many);
        match wrapping(middle).spawn() {
            Ok(mut child) => {
                child.wait().unwrap();
                fits = middle;
            }
            Err(_) => too_many = middle,
        }
    }
    run(wrapping(fits)).assert_ended(
        126,
        "command 'true' cannot be run: an argument or environment variable is longer than 128 KiB, or together they \
         are too long; pass the data in a file",
    );
}

#[test]
fn every_flag_can_be_set_by_a_variable() {
    let sidecar = Sidecar::over_tcp(&[crate::support::Reply::accepted()]);
    let step = Step::new(&sidecar);
    fs::write(step.path("token"), "secret\n").unwrap();
    let mut redirector = step.bare();
    redirector
        .envs([
            ("GLEANER_STEP", "baked"),
            ("GLEANER_SIDECAR", &sidecar.address),
            ("GLEANER_TOKEN_FILE", "token"),
            ("GLEANER_OUTPUT", "a\nb,number=n\n"),
            ("GLEANER_OUTPUTS", "made/here"),
            ("GLEANER_MAX_OUTPUT_SIZE", "3"),
            ("GLEANER_DEADLINE", "5s"),
            ("GLEANER_ANSWER_TIMEOUT", "5s"),
            ("GLEANER_PREFLIGHT", "true"),
            ("GLEANER_FINISH", "1"),
            ("GLEANER_RESULTS_DIR", "results"),
            ("GLEANER_TERMINATION_MESSAGE", "termination"),
        ])
        .args([
            "--",
            "sh",
            "-c",
            "echo 12 > n; echo ab > $GLEANER_OUTPUTS/a",
        ]);
    let ran = run(redirector);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(0), "\ngleaner: nothing was created\n")
    );
    let requests = sidecar.requests();
    let lines: Vec<_> = requests
        .iter()
        .map(|request| request.head.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "GET /v1/preflight HTTP/1.1",
            "POST /v1/steps/baked/outputs HTTP/1.1",
            "POST /v1/finish HTTP/1.1"
        ]
    );
    assert!(requests.iter().all(|request| {
        request
            .head
            .contains("\r\nAuthorization: Bearer secret\r\n")
    }));
    assert_eq!(
        requests[1].body,
        r#"{"outputs":{"a":"ab","b":12},"exitCode":0}"#
    );
}

#[test]
fn invalid_arguments_exit_with_64_and_a_remedy() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let usage = |arguments: &[&str], line: &str| {
        let mut redirector = step.bare();
        redirector.args(arguments);
        let ran = run(redirector);
        let line = format!("gleaner: {line}; see `gleaner-redirector --help`\n");
        assert_eq!(
            (ran.code, ran.stderr.as_str(), ran.stdout.as_str()),
            (Some(64), line.as_str(), "")
        );
    };
    usage(&[], "missing command after '--'");
    usage(
        &["true"],
        "unexpected argument 'true'; put the command after '--'",
    );
    usage(&["--", "true"], "--step NAME (or GLEANER_STEP) is required");
    usage(
        &["--step=a", "--output", "x,strin", "--", "true"],
        "--output: unknown keyword 'strin'; use a type (string, number, boolean, array, object), a trim (Newline, \
         Whitespace, None), Success, Always or optional",
    );
    usage(
        &["--step=a", "--deadline", "5", "--", "true"],
        "--deadline: invalid duration '5': use a form such as 500ms, 30s, 5m or 1h30m",
    );
}

#[test]
fn help_and_version_go_to_stdout() {
    let run = |argument: &str| {
        let output = std::process::Command::new(REDIRECTOR)
            .arg(argument)
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        run("--version"),
        concat!("gleaner-redirector ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = run("--help");
    for line in help.lines() {
        assert!(line.len() <= 120, "{line}");
    }
    let (flags, variables) = (
        help.matches("  --").count(),
        help.matches("[GLEANER_").count(),
    );
    assert_eq!(
        (flags, variables),
        (20, 18),
        "the help must show a variable for each flag except --help and --injected"
    );
}

#[test]
fn an_injected_redirector_ignores_the_environment() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .environment("GLEANER_STEP", "other")
        .environment("GLEANER_SIDECAR", "unix:/nowhere")
        .environment("GLEANER_TOKEN_FILE", "/nowhere")
        .environment("GLEANER_OUTPUT", "stolen=/etc/hostname")
        .environment("GLEANER_OUTPUTS", "hostile")
        .environment("GLEANER_MAX_OUTPUT_SIZE", "1")
        .environment("GLEANER_DEADLINE", "none")
        .environment("GLEANER_ANSWER_TIMEOUT", "none")
        .environment("GLEANER_RESULTS_DIR", "hostile")
        .environment("GLEANER_TERMINATION_MESSAGE", "hostile")
        .environment("GLEANER_REPORT_FILE", "hostile")
        .environment("GLEANER_PREFLIGHT", "1")
        .environment("GLEANER_FINISH", "1")
        .environment("TMPDIR", "hostile");
    fs::create_dir(step.path("hostile")).unwrap();
    let mut redirector = step.bare();
    redirector
        .args(["--injected", "--step=kaniko", "--sidecar"])
        .args([&sidecar.address, "--output=digest", "--", "sh", "-c"])
        .arg("echo long > $GLEANER_OUTPUTS/digest; echo $GLEANER_OUTPUTS $GLEANER_FINISH");
    let ran = run(redirector);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    // The redirector sets GLEANER_OUTPUTS, and passes all other variables to the command unchanged.
    let (directory, finish) = ran.stdout.trim().split_once(' ').unwrap();
    assert!(Path::new(directory).is_absolute() && !directory.contains("hostile"));
    assert_eq!(finish, "1");
    assert_eq!(
        sidecar.bodies(),
        [r#"{"outputs":{"digest":"long"},"exitCode":0}"#],
        "expected no preflight request and no finish request"
    );
    assert_eq!(fs::read_dir(step.path("hostile")).unwrap().count(), 0);

    let mut finish = step.bare();
    finish
        .args(["finish", "--injected", "--sidecar", &sidecar.address])
        .args(["--deadline=1s", "--step=last"]);
    run(finish);
    assert_eq!(sidecar.bodies().len(), 2);
    assert_eq!(fs::read_dir(step.path("hostile")).unwrap().count(), 0);
}

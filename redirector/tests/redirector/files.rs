//! Tests that valid output files are accepted, and that invalid ones are refused with a remedy.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::support::{Ended as _, Ran, Sidecar, Step, can_unshare};

/// Runs a step with one output, whose file `prepare` creates. Asserts that the step fails with the error `line` and sends nothing
/// to the sidecar.
#[track_caller]
fn refused(spec: &str, prepare: impl FnOnce(&Step), line: &str) {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    prepare(&step);
    let step = step.output(spec);
    let ran = step.run(&["true"]);
    let folder = step.folder.path().to_str().unwrap().to_owned();
    ran.assert_ended(65, &line.replace("{folder}", &folder));
    assert_eq!(
        sidecar.requests().len(),
        0,
        "the step must not send a request"
    );
}

/// Runs a step that succeeds, and returns the body of the message that the step posts.
#[track_caller]
fn accepted(step: &Step, sidecar: &Sidecar, script: &str) -> String {
    step.script(script).assert_ended(0, "");
    sidecar.bodies().concat()
}

fn write(name: &'static str, content: impl AsRef<[u8]>) -> impl FnOnce(&Step) {
    move |step| fs::write(step.path(name), content).unwrap()
}

#[test]
fn a_value_of_each_type_arrives_unchanged() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("digest")
        .output("n,number")
        .output("b,boolean=b")
        .output("list,array=list")
        .output("report,object,Whitespace=report")
        .output("raw,None=raw");
    let script = r#"cd "$GLEANER_OUTPUTS" || exit; echo sha256:1 > digest; echo 1e3 > n; cd ..
        echo true > b; echo '[1, "a"]' > list; printf '  {"a": 1.50}\n\n' > report; printf 'a\n\000"\\' > raw"#;
    assert_eq!(
        accepted(&step, &sidecar, script),
        r#"{"outputs":{"digest":"sha256:1","n":1e3,"b":true,"list":[1, "a"],"report":{"a": 1.50},"raw":"a\n\u0000\"\\"},"exitCode":0}"#
    );
}

#[test]
fn a_missing_file_fails_the_step() {
    let line = "output 'digest' is missing: the file '$GLEANER_OUTPUTS/digest' does not exist; make the command write it, or \
                declare a default";
    refused("digest", |_| {}, line);
    let line = "output 'digest' is missing: the file 'no/such' does not exist; make the command write it, or declare a default";
    refused("digest=no/such", |_| {}, line);
    let line = "output 'digest' is missing: the file 'file/x' does not exist; make the command write it, or declare a default";
    refused("digest=file/x", write("file", ""), line);
}

#[test]
fn all_missing_files_are_named_in_one_line() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("a")
        .output("b=/no/such")
        .output("c,optional");
    step.run(&["true"]).assert_ended(
        65,
        "outputs 'a' (no file '$GLEANER_OUTPUTS/a'), 'b' (no file '/no/such') are missing; make the command write \
         them, or declare defaults",
    );
}

#[test]
fn a_missing_optional_output_is_omitted() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("a,optional").output("b");
    let body = accepted(&step, &sidecar, "echo x > $GLEANER_OUTPUTS/b");
    assert_eq!(body, r#"{"outputs":{"b":"x"},"exitCode":0}"#);
}

#[test]
fn a_file_that_is_not_regular_is_refused_immediately() {
    let fifo = |step: &Step| {
        let made = std::process::Command::new("mkfifo")
            .arg(step.path("it"))
            .status()
            .unwrap();
        assert!(made.success());
    };
    refused(
        "o=it",
        fifo,
        "output 'o': 'it' is a FIFO; only regular files are read",
    );
    let directory = |step: &Step| fs::create_dir(step.path("it")).unwrap();
    refused(
        "o=it",
        directory,
        "output 'o': 'it' is a directory; only regular files are read",
    );
    let socket = |step: &Step| drop(UnixListener::bind(step.path("it")).unwrap());
    refused(
        "o=it",
        socket,
        "output 'o': 'it' is a socket; only regular files are read",
    );
    refused(
        "o=/dev/null",
        |_| {},
        "output 'o': '/dev/null' is a device; only regular files are read",
    );
}

#[test]
fn a_link_to_a_file_outside_its_directory_is_refused() {
    let link = |target: &'static str| move |step: &Step| symlink(target, step.path("it")).unwrap();
    let pid_line = |sidecar: &Sidecar| -> Ran {
        let step = Step::new(sidecar).output("o=it");
        symlink("/proc/self/environ", step.path("it")).unwrap();
        step.run(&["true"])
    };
    let sidecar = Sidecar::content();
    let ran = pid_line(&sidecar);
    assert_eq!(ran.code, Some(65));
    assert!(
        ran.stderr
            .starts_with("\ngleaner: step 'kaniko': output 'o': 'it' is a link to '/proc/")
            && ran.stderr.ends_with(
                "/environ', which is outside of the link's directory; write a regular file\n"
            ),
        "{ran:?}"
    );
    let line = "output 'o': 'it' is a link to '/etc/passwd', which is outside of the link's directory; write a regular file";
    refused("o=it", link("/etc/passwd"), line);
    refused("o=it", link("../../../../../../etc/passwd"), line);
    let line = "output 'o': 'it' cannot be read: Too many levels of symbolic links (os error 40)";
    refused("o=it", link("it"), line);
    let line = "output 'o' is missing: the file 'it' does not exist; make the command write it, or declare a default";
    refused("o=it", link("nowhere"), line);
    let line = "output 'o': 'it' is a directory; only regular files are read";
    refused("o=it", link("outputs"), line);
}

#[test]
fn a_link_within_its_directory_is_followed() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o=latest").output("p=link/x");
    let script =
        r#"mkdir v1; echo 1 > v1/o; ln -s "$PWD/v1/o" latest; ln -s v1 link; echo 2 > v1/x"#;
    assert_eq!(
        accepted(&step, &sidecar, script),
        r#"{"outputs":{"o":"1","p":"2"},"exitCode":0}"#
    );
}

#[test]
fn a_file_on_a_kernel_filesystem_is_never_read() {
    let line = "is on a kernel filesystem (/proc, /sys), which is not allowed";
    refused(
        "o=/proc/self/environ",
        |_| {},
        &format!("output 'o': '/proc/self/environ' {line}"),
    );
    let folder = |step: &Step| symlink("/proc/self", step.path("folder")).unwrap();
    refused(
        "o=folder/environ",
        folder,
        &format!("output 'o': 'folder/environ' {line}"),
    );
}

#[test]
fn an_output_of_seventeen_mebibytes_is_refused() {
    let line = "output 'o': 'it' has a size of 17825792 bytes, which exceeds --max-output-size (16777216); write less, or output a \
                reference to the data";
    let sparse = |step: &Step| {
        fs::File::create(step.path("it"))
            .unwrap()
            .set_len(17 << 20)
            .unwrap()
    };
    refused("o=it", sparse, line);
}

#[test]
fn an_output_of_sixteen_mebibytes_is_accepted() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o=it");
    fs::write(step.path("it"), "x".repeat(16 << 20)).unwrap();
    step.run(&["true"]).assert_ended(0, "");
    assert_eq!(
        sidecar.bodies()[0].len(),
        (16 << 20) + r#"{"outputs":{"o":""},"exitCode":0}"#.len()
    );
}

#[test]
fn the_maximum_output_size_can_be_set() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("o=it")
        .flags(&["--max-output-size", "1KiB"]);
    fs::write(step.path("it"), "x".repeat(1025)).unwrap();
    step.run(&["true"]).assert_ended(
        65,
        "output 'o': 'it' has a size of 1025 bytes, which exceeds --max-output-size (1024); write less, or output a reference \
         to the data",
    );
}

#[test]
fn invalid_utf8_is_refused_with_its_position() {
    let line = |byte: &str| {
        format!(
            "output 'o': 'it' is not UTF-8 (byte 3 is {byte}); write UTF-8 (`iconv -f LATIN1 -t UTF-8` converts Latin-1), or \
             encode binary data, for example with base64"
        )
    };
    refused("o=it", write("it", b"abc\xff"), &line("0xff"));
    refused("o=it", write("it", b"caf\xe9\n"), &line("0xe9"));
    // The file ends with an incomplete character.
    refused("o=it", write("it", b"abc\xc3"), &line("0xc3"));
    refused("o,object=it", write("it", b"{\"a\xe4"), &line("0xe4"));
}

/// Windows PowerShell 5.1 writes UTF-16 for `'sha256:ab' > file`. The test also covers the other byte orders and UTF-32.
#[test]
fn utf16_and_utf32_are_named_in_the_error() {
    let wide = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let full = |text: &str| text.chars().map(u32::from).collect::<Vec<_>>();
    for (kind, text) in [
        ("", "sha256:ab\r\n"),
        (",number", "12\r\n"),
        (",object", "{\"a\": 1}"),
        (",Whitespace", "Größe"),
    ] {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{text}");
            let (wide, full) = (wide(&text).into_iter(), full(&text).into_iter());
            for (name, bytes) in [
                ("UTF-16", wide.clone().flat_map(u16::to_le_bytes).collect()),
                (
                    "UTF-16",
                    wide.flat_map(u16::to_be_bytes).collect::<Vec<_>>(),
                ),
                ("UTF-32", full.clone().flat_map(u32::to_le_bytes).collect()),
                ("UTF-32", full.flat_map(u32::to_be_bytes).collect()),
            ] {
                let line = format!(
                    "output 'o': 'it' is {name}; write UTF-8 (in PowerShell with -Encoding utf8)"
                );
                refused(&format!("o{kind}=it"), write("it", bytes), &line);
            }
        }
    }
    // With `trim: None`, a UTF-16 file is refused only if it is not also valid UTF-8.
    let line = "output 'o': 'it' is UTF-16; write UTF-8 (in PowerShell with -Encoding utf8)";
    refused("o,None=it", write("it", b"\xff\xfes\0h\0"), line);
}

#[test]
fn a_byte_order_mark_is_removed_unless_nothing_is_trimmed() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("digest")
        .output("lines,Whitespace")
        .output("all,None")
        .output("n,number")
        .output("report,object,None")
        .output("nothing")
        .output("zeros")
        .output("zeros-all,None");
    let script = r#"cd "$GLEANER_OUTPUTS" || exit; mark='\357\273\277'
        printf "${mark}sha256:ab\r\n" > digest; printf "$mark a\r\nb \r\n" > lines; printf "${mark}a\r\n" > all
        printf "${mark}5\r\n" > n; printf "$mark{}" > report; printf "$mark" > nothing
        printf 'one\0two\0' > zeros; printf 'a\0b\0' > zeros-all"#;
    assert_eq!(
        accepted(&step, &sidecar, script),
        "{\"outputs\":{\"digest\":\"sha256:ab\",\"lines\":\"a\\r\\nb\",\"all\":\"\u{feff}a\\r\\n\",\"n\":5,\"report\":{},\
         \"nothing\":\"\",\"zeros\":\"one\\u0000two\\u0000\",\"zeros-all\":\"a\\u0000b\\u0000\"},\"exitCode\":0}"
    );
    let line = "output 'o': 'it' is empty, but the declaration requires type: number";
    refused("o,number=it", write("it", b"\xef\xbb\xbf\r\n"), line);
    // Only the first byte order mark is removed, and a second one is not valid JSON.
    let line = "output 'o': 'it' is not valid JSON: expected value at line 1 column 1, but the declaration requires type: number";
    refused("o,number=it", write("it", "\u{feff}\u{feff}5"), line);
}

#[test]
fn json_of_a_wrong_type_is_refused() {
    let line = "output 'o': 'it' is not valid JSON: key must be a string at line 1 column 2, but the declaration requires \
                type: object";
    refused("o,object=it", write("it", "{a: 1}\n"), line);
    let line =
        "output 'o': 'it' contains JSON of type array, but the declaration requires type: object";
    refused("o,object=it", write("it", "[]"), line);
    let line = "output 'o': 'it' is empty, but the declaration requires type: number";
    refused("o,number=it", write("it", "\n"), line);
    let line =
        "output 'o': 'it' contains JSON of type string, but the declaration requires type: boolean";
    refused("o,boolean=it", write("it", "\"true\""), line);
}

#[test]
fn a_number_that_kubernetes_would_change_is_refused() {
    // The message does not quote the value, which may be a secret.
    let line = |column: usize| {
        format!(
            "output 'o': 'it' contains, at line 1 column {column}, a number that cannot be stored exactly, because Kubernetes stores only \
             64-bit integers and doubles; declare type: string"
        )
    };
    for number in [
        "12345678901234567890123",
        "18446744073709551615",
        "1e400",
        "0.1234567890123456789",
    ] {
        refused("o,number=it", write("it", number), &line(1));
        let list = format!("[1, {{\"a\": {number}}}]");
        refused("o,array=it", write("it", list), &line(11));
    }
    let long = write("it", "9".repeat(1 << 20));
    refused("o,number=it", long, &line(1));

    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o=it").output("p,number=p");
    let script = "echo 12345678901234567890123 > it; echo 1.10 > p";
    assert_eq!(
        accepted(&step, &sidecar, script),
        r#"{"outputs":{"o":"12345678901234567890123","p":1.10},"exitCode":0}"#
    );
}

#[test]
fn all_errors_are_reported_together() {
    let line = "output 'o' is missing: the file 'no' does not exist; make the command write it, or declare a default; output \
                'p': 'outputs' is a directory; only regular files are read";
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("p=outputs").output("o=no");
    step.run(&["true"]).assert_ended(65, line);
}

#[test]
fn a_failed_step_posts_only_outputs_with_when_always() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("log,Always")
        .output("digest")
        .output("gone,Always");
    step.script("cd \"$GLEANER_OUTPUTS\"; echo l > log; echo d > digest; exit 7")
        .assert_ended(7, "");
    assert_eq!(
        sidecar.bodies(),
        [r#"{"outputs":{"log":"l"},"exitCode":7}"#]
    );
}

#[test]
fn a_failed_step_keeps_its_exit_code_even_if_its_outputs_are_invalid() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("log,Always=outputs");
    step.script("exit 7").assert_ended(
        7,
        "output 'log': 'outputs' is a directory; only regular files are read",
    );
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":7}"#]);
}

#[test]
fn without_outputs_dir_each_step_gets_a_new_directory() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar);
    let temporary = step.path("outputs");
    let run = |script: &str| {
        let mut redirector = step.bare();
        redirector
            .args([
                "--step=kaniko",
                "--sidecar",
                &sidecar.address,
                "--output=o",
                "--",
                "sh",
                "-c",
                script,
            ])
            .env("TMPDIR", &temporary);
        crate::support::run(redirector)
    };
    let ran = run("echo x > $GLEANER_OUTPUTS/o; echo $GLEANER_OUTPUTS");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(
        ran.stdout.starts_with('/') && !std::path::Path::new(ran.stdout.trim()).exists(),
        "{ran:?}"
    );
    assert_eq!(
        run("true").code,
        Some(65),
        "the second run must not find the file of the first run"
    );
}

/// A script that runs the step in a copy of the root directory, and then prints the content of `/gleaner/outputs`. Before the
/// step runs, that directory contains a file `o` from another run.
const WITH_LEFTOVERS: &str = r#"
root=$PWD/root; mkdir "$root" && mount -t tmpfs none "$root" || exit
for entry in /*; do
    if [ -L "$entry" ]; then
        cp -P "$entry" "$root"
    elif [ -d "$entry" ]; then
        mkdir -p "$root$entry" && mount --rbind "$entry" "$root$entry" || exit
    fi
done
mkdir -p "$root/gleaner/outputs" && echo stale > "$root/gleaner/outputs/o" || exit
PATH=$PATH:/usr/sbin:/sbin chroot "$root" "$@"
code=$?
ls -A "$root/gleaner/outputs"
exit $code
"#;

#[test]
fn a_file_that_another_run_left_in_the_shared_directory_is_not_an_output() {
    if !can_unshare(&["--mount"]) {
        return;
    }
    let sidecar = Sidecar::content();
    let step =
        Step::new(&sidecar).started_by(&["unshare", "--mount", "sh", "-c", WITH_LEFTOVERS, "sh"]);
    let mut redirector = step.bare();
    redirector
        .args(["--step=kaniko", "--sidecar", &sidecar.address])
        .args(["--output=o", "--", "sh", "-c", "echo $GLEANER_OUTPUTS"]);
    let ran = crate::support::run(redirector);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            Some(65),
            "\ngleaner: step 'kaniko': output 'o' is missing: the file '$GLEANER_OUTPUTS/o' does not exist; make the command \
             write it, or declare a default\n"
        )
    );
    assert!(
        ran.stdout
            .starts_with("/gleaner/outputs/gleaner-outputs-kaniko-")
            && ran.stdout.lines().skip(1).eq(["o"]),
        "expected a separate directory that was removed at the end: {ran:?}"
    );
}

#[test]
fn without_a_usable_directory_only_an_output_that_needs_one_fails() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar)
        .output("o")
        .flags(&["--outputs-dir", "/proc/nowhere"]);
    step.script("exit 3").assert_ended(
        65,
        "no directory can be used for output 'o': '/proc/nowhere': No such file or directory (os error 2); mount an \
         emptyDir and set --outputs-dir to its path, or declare fromPath",
    );
    let step = Step::new(&sidecar)
        .output("o,optional=x")
        .flags(&["--outputs-dir", "/proc/nowhere"]);
    step.script("exit 3").assert_ended(3, "");
}

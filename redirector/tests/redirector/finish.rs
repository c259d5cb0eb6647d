//! Tests that the redirector finishes a run, in a separate step or after a command, and writes the results or the reason for a
//! failure.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Ended as _, Reply, Sidecar, Step};

const COMMITTED: &str = r#"{
    "phase": "Committed",
    "resources": [
        {"resource": "img", "apiVersion": "tekton.dev/v1alpha1", "kind": "PipelineResource", "namespace": "ci",
         "name": "build-image-pbtqf", "uid": "1", "action": "Created"},
        {"resource": "role", "apiVersion": "v1", "kind": "ClusterRole", "name": "r", "uid": "2", "action": "Applied"}
    ],
    "results": {"img": {"url": "a\"b", "digest": "sha256:1"}, "role": {}},
    "notes": ["an earlier\nattempt was found"]
}"#;

const SUMMARY: &str = "gleaner: PipelineResource ci/build-image-pbtqf (img): created\n\
                       gleaner: ClusterRole r (role): applied\n\
                       gleaner: note: an earlier attempt was found\n";

#[test]
fn a_finish_writes_results_and_lists_created_objects() {
    let sidecar = Sidecar::replying(&[Reply::json(200, COMMITTED)]);
    let step = Step::new(&sidecar);
    fs::create_dir(step.path("results")).unwrap();
    // A link that another step created in the shared results directory must be replaced, not followed.
    fs::write(step.path("victim"), "untouched").unwrap();
    symlink(step.path("victim"), step.path("results/img")).unwrap();
    let ran = step.finish();
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), SUMMARY, "")
    );
    let result = |name: &str| fs::read_to_string(step.path("results").join(name)).unwrap();
    assert_eq!(result("img"), r#"{"url":"a\"b","digest":"sha256:1"}"#);
    assert_eq!(result("role"), "{}");
    assert_eq!(
        fs::read_to_string(step.path("victim")).unwrap(),
        "untouched"
    );
    assert_eq!(fs::read_dir(step.path("results")).unwrap().count(), 2);
    let request = &sidecar.requests()[0];
    assert!(request.head.starts_with("POST /v1/finish HTTP/1.1\r\n"));
    assert!(request.head.contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn without_a_results_directory_no_results_are_written() {
    let sidecar = Sidecar::replying(&[Reply::json(200, COMMITTED)]);
    let step = Step::new(&sidecar);
    assert_eq!(step.finish().stdout, SUMMARY);
    assert!(!step.path("results").exists());
}

#[test]
fn after_a_command_the_summary_goes_to_stderr() {
    let sidecar = Sidecar::replying(&[Reply::accepted(), Reply::json(200, COMMITTED)]);
    let step = Step::new(&sidecar).flags(&["--finish"]);
    let ran = step.script("echo mine");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "mine\n", format!("\n{SUMMARY}").as_str())
    );
}

#[test]
fn an_incomplete_last_line_of_the_command_is_terminated() {
    let sidecar = Sidecar::replying(&[Reply::accepted(), Reply::json(200, COMMITTED)]);
    let step = Step::new(&sidecar).flags(&["--finish"]);
    let ran = step.script("printf mine >&2");
    assert_eq!(ran.stderr, format!("mine\n{SUMMARY}"));
    // The redirector prints a newline before its first line, but not before later lines.
    let sidecar = Sidecar::replying(&[Reply::json(422, "no"), Reply::json(422, "no")]);
    let step = Step::new(&sidecar).output("n,number,Always");
    let ran = step.script("echo none > $GLEANER_OUTPUTS/n; printf mine >&2; exit 3");
    assert!(
        ran.stderr.starts_with("mine\ngleaner: step 'kaniko': "),
        "{ran:?}"
    );
    assert!(ran.stderr.lines().count() > 2, "{ran:?}");
    assert!(!ran.stderr.contains("\n\n"), "{ran:?}");
    // If no command has run, the redirector adds no newline.
    let ran = Step::new(&sidecar).run(&["/nowhere"]);
    assert!(
        ran.stderr.starts_with("gleaner: step 'kaniko': "),
        "{ran:?}"
    );
}

#[test]
fn a_failed_step_does_not_finish_the_run() {
    let sidecar = Sidecar::replying(&[Reply::accepted(), Reply::json(200, COMMITTED)]);
    Step::new(&sidecar)
        .flags(&["--finish"])
        .script("exit 9")
        .assert_ended(9, "");
    Step::new(&sidecar)
        .flags(&["--finish", "--output=x"])
        .run(&["true"]);
    assert_eq!(sidecar.bodies(), [r#"{"outputs":{},"exitCode":9}"#]);
}

#[test]
fn a_finish_fails_when_the_resources_do_not_exist() {
    let sidecar = Sidecar::replying(&[Reply::accepted(), Reply::problem(409, "not-created", 73)]);
    let step = Step::new(&sidecar).flags(&["--finish"]);
    fs::write(step.path("termination"), "").unwrap();
    step.run(&["true"]).assert_ended(73, "no: do that");
    assert_eq!(
        fs::read_to_string(step.path("termination")).unwrap(),
        r#"[{"key":"Reason","value":"NotCreated","type":3},{"key":"Gleaner","value":"no: do that"}]"#
    );
    let ran = Step::new(&Sidecar::replying(&[Reply::problem(
        409,
        "not-created",
        73,
    )]))
    .finish();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(73), ""));
    assert_eq!(ran.stderr, "gleaner: step 'gleaner': no: do that\n");
    let failed = r#"{"phase":"Failed","notes":["the quota was exhausted"]}"#;
    let ran = Step::new(&Sidecar::replying(&[Reply::json(200, failed)])).finish();
    let line = "gleaner: step 'gleaner': the resources were not created: the quota was exhausted\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(73), line));
}

#[test]
fn a_result_name_cannot_leave_the_directory() {
    for name in ["../out", "/etc/x", "a/b", "..", ""] {
        let answer = format!(r#"{{"phase":"Committed","results":{{"a":{{}},"{name}":{{}}}}}}"#);
        let sidecar = Sidecar::replying(&[Reply::json(200, &answer)]);
        let step = Step::new(&sidecar);
        fs::create_dir(step.path("results")).unwrap();
        let ran = step.finish();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""));
        let begin =
            "gleaner: step 'gleaner': the sidecar's response contains an invalid result name: ";
        assert!(ran.stderr.starts_with(begin), "{ran:?}");
        assert_eq!(
            fs::read_dir(step.path("results")).unwrap().count(),
            0,
            "the valid result must not be written either"
        );
    }
}

#[test]
fn large_results_cause_a_warning() {
    let answer = format!(
        r#"{{"phase":"Committed","results":{{"big":{{"x":"{}"}},"small":{{}}}}}}"#,
        "x".repeat(3100)
    );
    let sidecar = Sidecar::replying(&[Reply::json(200, &answer)]);
    let step = Step::new(&sidecar);
    fs::create_dir(step.path("results")).unwrap();
    let ran = step.finish();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "gleaner: there was nothing to create\n")
    );
    let begin = "gleaner: step 'gleaner': the results take 3186 bytes in the step's termination message, but the kubelet keeps only ";
    assert!(ran.stderr.starts_with(begin), "{}", ran.stderr);
}

#[test]
fn results_that_tekton_would_lose_fail_the_finish() {
    let answer = format!(
        r#"{{"phase":"Committed","results":{{"big":{{"x":"{}"}}}}}}"#,
        "x".repeat(2000)
    );
    let sidecar = Sidecar::replying(&[Reply::json(200, &answer), Reply::json(200, &answer)]);
    let step = Step::new(&sidecar);
    fs::create_dir(step.path("results")).unwrap();
    fs::write(step.path("results/own"), "o".repeat(1000)).unwrap();
    let step = step.flags(&["--results=own,big", "--termination-share=2+1"]);
    let ran = step.finish();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    fs::remove_file(step.path("results/big")).unwrap();
    let ran = step.flags(&["--termination-share=3+1"]).finish();
    assert_eq!(ran.code, Some(73), "{ran:?}");
    assert!(
        ran.stderr
            .contains("the resources exist, but the results take 3188 bytes"),
        "{ran:?}"
    );
    for request in sidecar.requests() {
        let line = request.head.lines().next().unwrap_or_default();
        assert_eq!(line, "POST /v1/finish?resultBytes=1142 HTTP/1.1");
    }
}

#[test]
fn a_result_that_cannot_be_written_fails_the_finish() {
    let sidecar = Sidecar::replying(&[Reply::json(
        200,
        r#"{"phase":"Committed","results":{"img":{}}}"#,
    )]);
    let step = Step::new(&sidecar);
    // Create a directory with the name of the result file: the test may run as root, which can write to any file.
    fs::create_dir_all(step.path("results/img")).unwrap();
    let ran = step.finish();
    let line = format!(
        "gleaner: step 'gleaner': the result '{}' cannot be written: Is a directory (os error 21)\n",
        step.path("results/img").display()
    );
    assert_eq!((ran.code, ran.stderr), (Some(73), line));
}

#[test]
fn a_response_that_is_not_an_outcome_fails_the_finish() {
    let sidecar = Sidecar::replying(&[Reply::json(200, "{}")]);
    let ran = Step::new(&sidecar).finish();
    let line = "gleaner: step 'gleaner': the sidecar's response cannot be parsed (missing field `phase` at line 1 \
                column 2); use a redirector and a sidecar of the same version\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(69), line));
}

#[test]
fn an_outcome_that_is_too_large_fails_the_finish_at_once() {
    let sidecar = Sidecar::replying(&[Reply::too_large(200)]);
    let ran = Step::new(&sidecar).finish();
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            Some(73),
            "",
            "gleaner: step 'gleaner': the sidecar has finished the run, but its response is too large: the created \
             resources exist, but no results can be passed to later tasks; declare fewer or shorter result fields\n"
        )
    );
    assert_eq!(sidecar.requests().len(), 1);
}

#[test]
fn a_reason_is_added_to_the_existing_termination_message() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o=no");
    let entry = r#"{"key":"theirs","value":"x","type":1}"#;
    fs::write(step.path("termination"), format!("[{entry}]")).unwrap();
    step.run(&["true"]);
    let sentence = "output 'o' is missing: the file 'no' does not exist; make the command write it, or declare a default";
    assert_eq!(
        fs::read_to_string(step.path("termination")).unwrap(),
        format!(
            r#"[{entry},{{"key":"Reason","value":"OutputMissing","type":3}},{{"key":"Gleaner","value":"{sentence}"}}]"#
        )
    );
}

#[test]
fn a_termination_message_is_never_created_and_only_a_failure_changes_it() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("o=no");
    step.run(&["true"]);
    assert!(!step.path("termination").exists());
    fs::write(step.path("termination"), "the command's").unwrap();
    step.script("exit 3").assert_ended(3, "");
    assert_eq!(
        fs::read_to_string(step.path("termination")).unwrap(),
        "the command's"
    );
}

#[test]
fn a_long_termination_message_is_kept() {
    let sidecar = Sidecar::content();
    for (length, joined) in [(9 << 10, true), (300 << 10, false)] {
        let step = Step::new(&sidecar).output("digest");
        let long = format!(r#"[{{"key":"img","value":"{}"}}]"#, "x".repeat(length));
        fs::write(step.path("termination"), &long).unwrap();
        assert_eq!(step.script("true").code, Some(65));
        let after = fs::read_to_string(step.path("termination")).unwrap();
        assert!(after.starts_with(long.trim_end_matches(']')), "{length}");
        assert_eq!(after.contains("OutputMissing"), joined);
    }
}

#[test]
fn an_interrupted_outcome_is_read_again_and_each_line_is_printed_once() {
    let Reply::Raw(whole) = Reply::json(200, COMMITTED) else {
        panic!("expected `Reply::Raw`");
    };
    let end = |text: &str| {
        whole
            .windows(text.len())
            .position(|at| at == text.as_bytes())
    };
    // The interrupted responses end in the second object, in the second result, and before the note.
    let cuts = ["ClusterRole", r#""role": {}"#, "notes"].map(|text| end(text).unwrap());
    let broken = cuts.map(|cut| Reply::Raw(whole[..cut].to_owned()));
    let sidecar = Sidecar::replying(&[&broken[..], &[Reply::Raw(whole.clone())]].concat());
    let step = Step::new(&sidecar);
    fs::create_dir(step.path("results")).unwrap();
    let ran = step.finish();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), SUMMARY),
        "{ran:?}"
    );
    assert_eq!(sidecar.requests().len(), 4);
    let results = fs::read_dir(step.path("results")).unwrap();
    assert_eq!(
        results.count(),
        2,
        "the files of the failed attempts must be removed"
    );

    // If no complete outcome arrives, no result is written.
    let sidecar = Sidecar::replying(&broken[2..]);
    let step = Step::new(&sidecar).flags(&["--deadline=300ms"]);
    fs::create_dir(step.path("results")).unwrap();
    let ran = step.finish();
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert_eq!(fs::read_dir(step.path("results")).unwrap().count(), 0);
}

//! Tests for the report file, which contains the same information as stderr in a machine-readable form.

use std::fs;

use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::{Outcome, Phase};
use gleaner_proto::report::Report;

use crate::support::{Ended as _, Reply, Sidecar, Step};

/// Returns a step that writes its reports to a file.
fn reporting(sidecar: &Sidecar) -> Step {
    let step = Step::new(sidecar);
    let flag = format!("--report-file={}", step.path("reports").display());
    step.flags(&[&flag])
}

fn reports(step: &Step) -> Vec<Report> {
    let text = fs::read_to_string(step.path("reports")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_failure_is_reported_with_its_causes_and_not_printed() {
    let problem = r#"{"type":"/problems/not-created","title":"no","status":424,"detail":"do that","exitCode":73,
        "failures":[{"resource":"img","code":"KindNotServed","message":"m","remedy":"r"},{"code":"FromTomorrow","message":"m"}],
        "left":[],"somethingNew":1}"#;
    let sidecar = Sidecar::replying(&[Reply::json(424, problem)]);
    let step = reporting(&sidecar);
    let ran = step.script("echo out; echo 'gleaner: mine' >&2");
    assert_eq!(ran.code, Some(73), "{ran:?}");
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("out\n", "gleaner: mine\n")
    );
    let reports = reports(&step);
    let [
        Report::Failed {
            reason,
            exit_code: 73,
            message,
            failures,
        },
    ] = reports.as_slice()
    else {
        panic!("{reports:?}");
    };
    assert_eq!(
        (reason.as_str(), message.as_str()),
        ("NotCreated", "no: do that")
    );
    let codes: Vec<FailureCode> = failures.iter().map(|failure| failure.code).collect();
    assert_eq!(codes, [FailureCode::KindNotServed, FailureCode::Unknown]);
}

#[test]
fn remarks_and_the_outcome_are_reported_too() {
    let refused = Reply::problem(409, "already-written", 78);
    let sidecar = Sidecar::replying(&[refused]);
    let step = reporting(&sidecar);
    step.script("exit 3").assert_ended(3, "");
    let message = "no: do that".to_owned();
    assert_eq!(reports(&step), [Report::Remark { message }]);

    let created = r#"{"resource":"r","apiVersion":"v1","kind":"ConfigMap","name":"n","uid":"u","action":"Adopted"}"#;
    let outcome = format!(
        r#"{{"phase":"Committed","resources":[{created}],"notes":["an earlier\nattempt was found"]}}"#
    );
    let sidecar = Sidecar::replying(&[Reply::json(200, &outcome)]);
    let step = reporting(&sidecar);
    let ran = step.finish();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    let outcome: Outcome = serde_json::from_str(&outcome).unwrap();
    let [created] = outcome.resources.try_into().unwrap();
    let [message] = outcome.notes.try_into().unwrap();
    assert_eq!(
        reports(&step),
        [
            Report::Created { created },
            Report::Note { message },
            Report::Finished {
                phase: Phase::Committed,
                resources: 1
            }
        ]
    );
}

#[test]
fn a_report_that_cannot_be_written_is_printed() {
    let sidecar = Sidecar::replying(&[Reply::problem(409, "not-created", 73)]);
    let step = Step::new(&sidecar).flags(&["--report-file=/nowhere/reports"]);
    step.run(&["true"]).assert_ended(73, "no: do that");
}

#[test]
fn the_report_file_is_not_open_in_the_command() {
    let sidecar = Sidecar::replying(&[Reply::accepted()]);
    let step = reporting(&sidecar);
    let ran = step.script("ls -l /proc/self/fd");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stdout.contains("reports"), "{}", ran.stdout);
}

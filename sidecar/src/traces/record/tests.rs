use gleaner_core::collect::problem;
use gleaner_proto::exit_code;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{Action, Created, problem_type};
use gleaner_proto::name::ResourceName;
use proptest::prelude::*;

use super::super::span::Trace;
use super::*;

fn record() -> Record {
    Record::new(Ids(u64::MAX), None, Vec::new(), 0)
}

fn failed(failures: &[(Option<&str>, FailureCode)]) -> Problem {
    let failures = failures.iter().map(|(resource, code)| Failure {
        resource: resource.map(str::to_owned),
        code: *code,
        message: "no".to_owned(),
        remedy: None,
    });
    let new = problem::new(
        problem_type::NOT_CREATED,
        424,
        "no",
        "no",
        exit_code::NOT_CREATED,
    );
    Problem {
        failures: failures.collect(),
        ..new
    }
}

fn creating(record: &mut Record, resource: &str, now: u64) {
    let name = ResourceName::new(resource).unwrap();
    let progress = Progress::Creating {
        index: 0,
        resource: &name,
        kind: "ConfigMap",
        name: resource,
    };
    record.progress(progress, now);
}

fn created(record: &mut Record, resource: &str, now: u64) {
    let created = Created {
        resource: resource.to_owned(),
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: None,
        name: resource.to_owned(),
        uid: "u".to_owned(),
        action: Action::Applied,
    };
    let created = &created;
    record.progress(Progress::Created { index: 0, created }, now);
}

/// Returns the name, start, end and error code of each finished span. The code is `?` if the cause of the error is unknown.
fn taken(record: &mut Record) -> Vec<(String, u64, u64, Option<String>)> {
    let spans = record.take().into_iter();
    let spans = spans.map(|span| {
        let code = span.error.map(|error| match error {
            Error::Unknown => "?".to_owned(),
            Error::Code(code) => code,
        });
        (span.name, span.start, span.end, code)
    });
    spans.collect()
}

fn spans(expected: &[(&str, u64, u64, Option<&str>)]) -> Vec<(String, u64, u64, Option<String>)> {
    let expected = expected.iter();
    let owned = expected.map(|(name, start, end, code)| {
        ((*name).to_owned(), *start, *end, code.map(str::to_owned))
    });
    owned.collect()
}

#[test]
fn each_part_of_a_submission_has_a_span() {
    let mut record = record();
    record.submitting(1);
    record.rendered(Time { start: 1, end: 2 }, None);
    record.progress(Progress::DryRun, 3);
    record.progress(Progress::DryRunDone, 4);
    creating(&mut record, "a", 5);
    created(&mut record, "a", 6);
    record.progress(Progress::Waiting, 7);
    record.progress(Progress::Done, 9);
    record.submitted(None, 10);
    let expected = [
        ("render", 1, 2, None),
        ("dry-run", 3, 4, None),
        ("create ConfigMap", 5, 6, None),
        ("wait", 7, 9, None),
        ("submit", 1, 10, None),
    ];
    assert_eq!(taken(&mut record), spans(&expected));
    record.end(11);
    assert_eq!(taken(&mut record), spans(&[("gleaner run", 0, 11, None)]));
}

#[test]
fn the_span_of_an_object_gets_the_code_of_its_own_failure() {
    let mut record = record();
    record.submitting(0);
    creating(&mut record, "a", 1);
    created(&mut record, "a", 2);
    creating(&mut record, "b", 3);
    record.progress(Progress::RollingBack, 4);
    record.progress(Progress::RolledBack, 5);
    let failures = [
        (Some("a"), FailureCode::Invalid),
        (Some("b"), FailureCode::Denied),
    ];
    record.submitted(Some(&failed(&failures)), 6);
    let expected = [
        ("create ConfigMap", 1, 2, None),
        ("create ConfigMap", 3, 4, Some("Denied")),
        ("rollback", 4, 5, None),
        ("submit", 0, 6, Some("Invalid")),
    ];
    assert_eq!(taken(&mut record), spans(&expected));
}

#[test]
fn the_span_of_a_failed_wait_gets_the_code_of_the_first_failure() {
    let mut record = record();
    record.submitting(0);
    record.progress(Progress::Waiting, 1);
    record.progress(Progress::RollingBack, 2);
    record.progress(Progress::RolledBack, 3);
    record.submitted(Some(&failed(&[(Some("a"), FailureCode::WaitFailed)])), 4);
    let found = taken(&mut record);
    assert_eq!(found[0].3.as_deref(), Some("WaitFailed"));
    assert_eq!(found[1].3, None);
}

#[test]
fn a_restarted_submission_begins_a_new_dry_run_span() {
    let mut record = record();
    record.submitting(0);
    record.progress(Progress::DryRun, 1);
    // The submission restarted, because an object with a derived name already existed.
    record.progress(Progress::DryRun, 2);
    record.progress(Progress::DryRunDone, 3);
    record.submitted(None, 4);
    let expected = [
        ("dry-run", 1, 2, None),
        ("dry-run", 2, 3, None),
        ("submit", 0, 4, None),
    ];
    assert_eq!(taken(&mut record), spans(&expected));
}

#[test]
fn a_shutdown_finishes_all_spans() {
    let mut record = record();
    record.submitting(1);
    creating(&mut record, "a", 2);
    record.end(3);
    let expected = [
        ("create ConfigMap", 2, 3, None),
        ("submit", 1, 3, None),
        ("gleaner run", 0, 3, None),
    ];
    assert_eq!(taken(&mut record), spans(&expected));
}

#[test]
fn spans_above_the_maximum_are_dropped_and_counted() {
    let mut record = record();
    for _ in 0..SPANS_MAX + 7 {
        record.collected("build", Time { start: 1, end: 2 }, None);
    }
    record.end(3);
    let spans = record.take();
    assert_eq!(spans.len(), SPANS_MAX + 1);
    let root = spans.last().unwrap();
    assert_eq!(root.attributes, [("gleaner.dropped_spans", Value::from(7))]);
}

#[test]
fn ids_are_distinct_and_never_zero() {
    let mut ids = Ids(u64::MAX - 1);
    let ids: Vec<String> = (0..3).map(|_| ids.next()).collect();
    assert_eq!(
        ids,
        ["ffffffffffffffff", "0000000000000001", "0000000000000002"]
    );
}

proptest! {
    #[test]
    fn no_text_from_a_problem_is_exported(text in "[ -~]{0,20}") {
        let canary = format!("c4n4ry{text}");
        let mut problem = failed(&[(None, FailureCode::Denied)]);
        problem.title.clone_from(&canary);
        problem.detail.clone_from(&canary);
        problem.pending = vec![canary.clone()];
        problem.failures[0].message.clone_from(&canary);
        problem.failures[0].remedy = Some(canary.clone());
        problem.failures[0].resource = Some(canary);
        let mut record = record();
        record.collected("build", Time { start: 0, end: 1 }, Some(&problem));
        record.submitting(1);
        record.rendered(Time { start: 1, end: 2 }, Some(&problem));
        record.progress(Progress::RollingBack, 3);
        record.submitted(Some(&problem), 4);
        record.end(5);
        let trace = Trace { id: "0".repeat(32), parent: None, resource: Vec::new() };
        let body = String::from_utf8(trace.export(&record.take())).unwrap();
        prop_assert!(body.contains("Denied"));
        prop_assert!(!body.contains("c4n4ry"));
    }
}

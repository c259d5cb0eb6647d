use std::collections::BTreeMap;

use gleaner_submission::PlannedObject;

use super::*;

fn message(text: &str) -> Outputs {
    Outputs {
        outputs: BTreeMap::from([("digest".to_owned(), text.into())]),
        exit_code: 0,
    }
}

fn accepted(text: &str) -> Record {
    Record::Accepted {
        step: StepName::new("build").unwrap(),
        message: message(text),
    }
}

#[test]
fn what_was_appended_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let planned = Record::Planned(Planned {
        attempts: BTreeMap::from([("img".parse().unwrap(), 1)]),
        objects: vec![PlannedObject {
            resource: "img".parse().unwrap(),
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespace: Some("ci".into()),
            name: "img-1".into(),
            applied: true,
            owners: vec!["uid".into()],
        }],
    });
    let records = [
        Record::SecretKey("key".into()),
        accepted("a"),
        Record::SubmissionRequested,
        planned,
        Record::Finished,
    ];
    let (mut journal, before) = Journal::open(folder.path(), b"run").unwrap();
    assert_eq!(before, []);
    records
        .iter()
        .for_each(|record| journal.append(record).unwrap());
    drop(journal);
    assert_eq!(Journal::open(folder.path(), b"run").unwrap().1, records);
}

#[test]
fn a_frame_torn_at_any_byte_is_cut_off_and_the_next_one_follows_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
    journal.append(&accepted("a")).unwrap();
    let whole = journal.length;
    journal.append(&accepted("b")).unwrap();
    drop(journal);
    let bytes = std::fs::read(&path).unwrap();
    for torn in usize::try_from(whole).unwrap()..bytes.len() {
        std::fs::write(&path, &bytes[..torn]).unwrap();
        let (mut journal, records) = Journal::open(folder.path(), b"run").unwrap();
        assert_eq!(records, [accepted("a")], "torn at {torn}");
        journal.append(&accepted("c")).unwrap();
        drop(journal);
        assert_eq!(
            Journal::open(folder.path(), b"run").unwrap().1,
            [accepted("a"), accepted("c")]
        );
    }
}

#[test]
fn a_last_frame_that_does_not_check_is_cut_off_and_an_earlier_one_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
    journal.append(&accepted("a")).unwrap();
    let first_end = usize::try_from(journal.length).unwrap();
    journal.append(&accepted("b")).unwrap();
    drop(journal);
    let bytes = std::fs::read(&path).unwrap();
    let flip = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        Journal::open(folder.path(), b"run").map(|(_, records)| records)
    };
    for at in 0..first_end {
        assert!(flip(at).is_err(), "a wrong bit at {at} of {first_end}");
    }
    assert_eq!(flip(bytes.len() - 1).unwrap(), [accepted("a")]);
    assert!(matches!(
        flip(first_end - 1),
        Err(JournalError::Damaged { .. })
    ));
}

#[test]
fn zeros_that_a_power_cut_has_left_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
    journal.append(&accepted("a")).unwrap();
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    for zeros in [3, 8, 100] {
        let mut longer = whole.clone();
        longer.resize(whole.len() + zeros, 0);
        std::fs::write(&path, longer).unwrap();
        let (_, records) = Journal::open(folder.path(), b"run").unwrap();
        assert_eq!(records, [accepted("a")], "{zeros} zeros");
    }
}

#[test]
fn one_sidecar_at_a_time_writes_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let first = Journal::open(folder.path(), b"run").unwrap();
    let second = Journal::open(folder.path(), b"run");
    assert!(matches!(second, Err(JournalError::InUse { .. })));
    drop(first);
    Journal::open(folder.path(), b"run").unwrap();
}

#[test]
fn another_runs_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Journal::open(folder.path(), b"run").unwrap());
    assert!(matches!(
        Journal::open(folder.path(), b"other"),
        Err(JournalError::Foreign { .. })
    ));
}

#[test]
fn a_journal_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
    journal.length = 0;
    journal.cut().unwrap();
    journal.append_frame(&[b"run"]).unwrap();
    drop(journal);
    assert!(matches!(
        Journal::open(folder.path(), b"run"),
        Err(JournalError::Format { .. })
    ));
}

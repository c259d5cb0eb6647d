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
fn appended_records_exist_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let planned = Record::Planned(Planned {
        attempts: BTreeMap::from([("img".parse().unwrap(), 1)]),
        objects: vec![PlannedObject {
            secret: Some(("a".to_owned(), "token".to_owned())),
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

/// Returns a journal with `records`, and the file's content after each record was appended.
fn grown(folder: &Path, records: &[Record]) -> (Journal, Vec<Vec<u8>>) {
    let (mut journal, _) = Journal::open(folder, b"run").unwrap();
    let bytes = || std::fs::read(folder.join(FILE)).unwrap();
    let mut states = vec![bytes()];
    for record in records {
        journal.append(record).unwrap();
        states.push(bytes());
    }
    (journal, states)
}

fn some_records() -> [Record; 4] {
    // The second frame spans several sectors.
    let long = "x".repeat(700);
    [
        accepted("a"),
        accepted(&long),
        Record::SubmissionRequested,
        Record::Finished,
    ]
}

/// Returns the records of a journal file that contains `bytes`.
fn opened(bytes: &[u8]) -> Result<Vec<Record>, JournalError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), bytes).unwrap();
    let (mut journal, records) = Journal::open(folder.path(), b"run")?;
    // A new record can be appended after the existing records.
    journal.append(&Record::Finished).unwrap();
    drop(journal);
    let again = Journal::open(folder.path(), b"run").unwrap().1;
    assert_eq!(again[..records.len()], records);
    assert_eq!(again[records.len()..], [Record::Finished]);
    Ok(records)
}

#[test]
fn no_wrong_bit_changes_or_drops_an_acknowledged_record() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = grown(folder.path(), &some_records());
    for reserved in [false, true] {
        if reserved {
            journal.reserve(600).unwrap();
        }
        let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
        let end = usize::try_from(journal.end).unwrap();
        assert_eq!(bytes.len() > end, reserved);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                match frame::read(&damaged) {
                    Ok(frames) if at >= end => assert_eq!(frames.end, end),
                    Ok(frames) => {
                        panic!("wrong bit {bit} of byte {at} is not detected: {frames:?}")
                    }
                    Err(place) => assert!(place <= at as u64, "bit {bit} of {at}"),
                }
            }
        }
        for at in (0..end).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            let error = opened(&damaged).unwrap_err();
            // The error is `Format` if the wrong bit is in the version number.
            let refused = matches!(
                error,
                JournalError::Damaged { .. } | JournalError::Format { .. }
            );
            assert!(refused, "{at}: {error}");
        }
    }
}

#[test]
fn a_lost_sector_before_other_frames_is_reported_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (_, states) = grown(folder.path(), &some_records());
    let [first, .., whole] = states.as_slice() else {
        panic!("expected several states");
    };
    for at in (first.len()..whole.len() - 32).step_by(16) {
        for blank in [0, frame::BLANK] {
            let mut damaged = whole.clone();
            damaged[at..at + 16].fill(blank);
            assert!(frame::read(&damaged).is_err(), "{blank} at {at}");
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_keeps_its_complete_frames() {
    let folder = tempfile::tempdir().unwrap();
    let records = some_records();
    let (_, states) = grown(folder.path(), &records);
    let whole = states.last().unwrap();
    for cut in 0..=whole.len() {
        let complete = states.iter().filter(|state| state.len() <= cut).count();
        let frames = frame::read(&whole[..cut]).unwrap();
        assert_eq!(frames.payloads.len(), complete, "cut at {cut}");
        // Opening a journal waits for the disk, so only some of the cut journals are opened: those that are cut near
        // a frame boundary, and a few others.
        if cut % 32 < 2 || cut % 32 == 31 {
            let expected = &records[..complete.saturating_sub(1)];
            assert_eq!(opened(&whole[..cut]).unwrap(), expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_frame_torn_in_the_reserved_space_is_cleared_and_the_space_stays_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let records = some_records();
    let (mut journal, _) = grown(folder.path(), &records);
    journal.reserve(1200).unwrap();
    let room = journal.reserved;
    let start = usize::try_from(journal.end).unwrap();
    let before = std::fs::read(folder.path().join(FILE)).unwrap();
    drop(journal);
    let mut frame = Vec::new();
    frame::write(&mut frame, &[b"x", "y".repeat(900).as_bytes()]).unwrap();
    assert!(start + frame.len() < before.len());
    let torn = |bytes: Vec<u8>, how: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), bytes).unwrap();
        let (journal, found) = Journal::open(folder.path(), b"run").unwrap();
        assert_eq!(found, records, "{how}");
        assert_eq!(journal.reserved, room, "{how}");
        drop(journal);
        assert_eq!(
            std::fs::read(folder.path().join(FILE)).unwrap(),
            before,
            "{how}"
        );
    };
    // A killed process can stop writing after any byte.
    for written in (0..frame.len()).filter(|at| *at < 48 || at % 5 == 0) {
        let mut bytes = before.clone();
        bytes[start..start + written].copy_from_slice(&frame[..written]);
        torn(bytes, &format!("after {written} bytes"));
    }
    // A power failure can lose any subset of the sectors.
    let sectors: Vec<_> = (start / 512..=(start + frame.len()) / 512)
        .map(|sector| (sector * 512).max(start)..((sector + 1) * 512).min(start + frame.len()))
        .collect();
    for kept in 0..(1 << sectors.len()) - 1_u32 {
        let mut bytes = before.clone();
        for (index, sector) in sectors.iter().enumerate() {
            if kept >> index & 1 == 1 {
                let part = sector.start - start..sector.end - start;
                bytes[sector.clone()].copy_from_slice(&frame[part]);
            }
        }
        torn(bytes, &format!("sectors {kept:b}"));
    }
}

#[test]
fn only_the_outcome_uses_the_reserved_space() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (mut journal, _) = Journal::open(folder.path(), b"run").unwrap();
    journal.reserve(500).unwrap();
    let reserved = journal.reserved;
    for text in ["a", &"b".repeat(3000)] {
        journal.append(&accepted(text)).unwrap();
        assert_eq!(journal.reserved, reserved);
        assert_eq!(
            std::fs::metadata(&path).unwrap().len(),
            journal.end + reserved
        );
    }
    // The file is now in the state in which a killed sidecar leaves it.
    drop(journal);
    let (mut journal, before) = Journal::open(folder.path(), b"run").unwrap();
    assert_eq!((before.len(), journal.reserved), (2, reserved));
    let length = std::fs::metadata(&path).unwrap().len();
    let ending = Record::Failed(gleaner_core::collect::problem::internal("no".repeat(100)));
    journal.append_ending(&ending).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < length);
    journal.append(&Record::Finished).unwrap();
    drop(journal);
    let (journal, records) = Journal::open(folder.path(), b"run").unwrap();
    assert_eq!(records[2..], [ending, Record::Finished]);
    assert_eq!(journal.reserved, 0);
}

#[test]
fn zeros_after_a_power_failure_are_truncated() {
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
fn only_one_sidecar_at_a_time_writes_a_journal() {
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
fn a_journal_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    // The beginning of a journal in format version 2.
    let payload = b"gleaner-journal/2\nrun";
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let crc = |bytes: &[u8]| crc32fast::hash(bytes).to_le_bytes();
    let parts = [length, crc(&length), crc(payload)].concat();
    std::fs::write(
        folder.path().join(FILE),
        [&parts, payload.as_slice()].concat(),
    )
    .unwrap();
    assert!(matches!(
        Journal::open(folder.path(), b"run"),
        Err(JournalError::Format { .. })
    ));
    let mut other = Vec::new();
    frame::write(&mut other, &[b"gleaner-journal/4\n", b"run"]).unwrap();
    std::fs::write(folder.path().join(FILE), other).unwrap();
    assert!(matches!(
        Journal::open(folder.path(), b"run"),
        Err(JournalError::Format { .. })
    ));
}

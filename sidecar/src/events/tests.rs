use gleaner_core::collect::problem;
use gleaner_proto::failure::{LeftBehind, LeftState, ObjectReference};
use gleaner_proto::message::{Action, Created, Outcome, Phase};

use super::*;

fn object(number: usize) -> ObjectReference {
    ObjectReference {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("ci".into()),
        name: format!("note-{number}"),
        uid: None,
    }
}

fn commit(count: usize) -> Commit {
    let created = |number| Created {
        resource: "note".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("ci".into()),
        name: format!("note-{number}"),
        uid: "u".into(),
        action: Action::Created,
    };
    Commit {
        outcome: Outcome {
            phase: Phase::Committed,
            pending: Vec::new(),
            resources: (0..count).map(created).collect(),
            results: Default::default(),
            notes: Vec::new(),
        },
        attempts: Default::default(),
    }
}

#[test]
fn a_commit_is_one_event_with_count_and_names() {
    assert_eq!(of_commit(&commit(0)), []);
    let [notice] = of_commit(&commit(1)).try_into().unwrap();
    assert_eq!(notice.note, "1 object: ConfigMap ci/note-0 (note): created");
    assert_eq!(
        (notice.kind, notice.reason),
        (EventKind::Normal, "GleanerCreated")
    );
    let [notice] = of_commit(&commit(5000)).try_into().unwrap();
    assert!(
        notice
            .note
            .starts_with("5000 objects: ConfigMap ci/note-0 ")
    );
    assert!(notice.note.len() <= NOTE_BYTES, "{}", notice.note.len());
    let named = notice.note.matches("ConfigMap").count();
    assert!(
        notice.note.ends_with(&format!("and {} more", 5000 - named)),
        "{}",
        notice.note
    );
}

#[test]
fn a_failure_reports_rolled_back_and_remaining_objects() {
    let mut failed = problem::internal("no");
    let reasons = |notices: &[Notice]| -> Vec<_> { notices.iter().map(|one| one.reason).collect() };
    assert_eq!(reasons(&of_failure(&failed, &[])), ["GleanerFailed"]);
    failed.left = (0..200)
        .map(|number| LeftBehind {
            state: LeftState::Exists,
            object: object(number),
            why: "no".into(),
        })
        .collect();
    let removed = ["ConfigMap ci/other".to_owned()];
    let notices = of_failure(&failed, &removed);
    assert_eq!(
        reasons(&notices),
        [
            "GleanerFailed",
            "GleanerRolledBack",
            "GleanerRollbackFailed"
        ]
    );
    assert_eq!(notices[0].note, "no");
    assert_eq!(notices[1].note, "rolled back: ConfigMap ci/other");
    let left = &notices[2].note;
    assert!(
        left.starts_with("may still exist (if so, delete by hand): ConfigMap ci/note-0, "),
        "{left}"
    );
    assert!(
        left.len() <= NOTE_BYTES && left.ends_with(" more"),
        "{left}"
    );
}

use gleaner_core::declaration::Scope;
use gleaner_proto::failure::{Failure, LeftBehind, LeftState, ObjectReference};

use super::*;

fn declaration(objects: usize) -> Declaration {
    let objects = (0..objects).map(|number| {
        format!(
            "  - name: o{number}\n    resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: o{number}}}}}\n"
        )
    });
    let text = format!(
        "steps: {{a: [{{name: x}}]}}\nobjects:\n{}",
        objects.collect::<String>()
    );
    Declaration::parse(&text, &Scope::default()).unwrap()
}

/// Returns the problem for a failed submission of `objects` objects. Every text and every list has its maximum length.
fn longest(objects: usize) -> Problem {
    let words = || "\u{1}".repeat(2 << 10);
    let object = |_| ObjectReference {
        api_version: "a".repeat(253),
        kind: "k".repeat(63),
        namespace: Some("n".repeat(63)),
        name: "m".repeat(253),
        uid: Some("u".repeat(36)),
    };
    let failure = |_| Failure {
        resource: Some("r".repeat(63)),
        code: FailureCode::Denied,
        message: words(),
        remedy: Some(words()),
    };
    let left = |number| LeftBehind {
        state: LeftState::Exists,
        object: object(number),
        why: words(),
    };
    Problem {
        detail: words().repeat(objects),
        failures: (0..objects).map(failure).collect(),
        left: (0..objects).map(left).collect(),
        ..no_room(0, &io::Error::other("x"))
    }
}

#[test]
fn a_failure_is_shortened_to_the_reserved_space_and_keeps_the_remaining_objects() {
    for objects in [1, 3, 200] {
        let room = room(&declaration(objects));
        let problem = shortened(Err(longest(objects)), room).unwrap_err();
        assert!(fits(&problem, room));
        assert_eq!(problem.left.len(), objects);
        assert!(!problem.failures.is_empty() && !problem.detail.is_empty());
    }
    let short = no_room(1, &io::Error::other("x"));
    assert_eq!(
        shortened(Err(short.clone()), room(&declaration(1))),
        Err(short)
    );
    // The problem is also shortened if the space is much smaller than the space reserved for 50 objects.
    let problem = shortened(Err(longest(50)), 2 << 10).unwrap_err();
    assert!(fits(&problem, 2 << 10));
}

#[test]
fn a_commit_omits_notes_that_do_not_fit() {
    let outcome = gleaner_proto::message::Outcome {
        phase: gleaner_proto::message::Phase::Committed,
        pending: Vec::new(),
        resources: Vec::new(),
        results: Default::default(),
        notes: vec!["n".repeat(2 << 10); 100],
    };
    let commit = crate::journal::Commit {
        outcome,
        attempts: Default::default(),
    };
    let room = room(&declaration(1));
    let commit = shortened(Ok(commit), room).unwrap();
    assert!(fits(&commit, room));
    assert_eq!(commit.outcome.notes.len(), 1);
    assert!(commit.outcome.notes[0].starts_with("100 notes"));
}

//! Compares the collector with a reference model by running random sequences of commands on both.

mod reference;

use std::sync::LazyLock;

use proptest::prelude::*;

use self::reference::{
    DECLARATION, End, POSTS, Post, Reference, Response, STEPS, SUBMITS, Sequence, Submit,
};
use super::*;

#[derive(Debug, Clone, Copy)]
enum Command {
    Post(Post),
    /// A step posts this message, but the sidecar fails to write it to the journal.
    PostUnwritten(Post),
    Submit,
    Finish,
    /// The submission in progress succeeds. The number identifies the outcome.
    Commit(u8),
    /// The submission in progress fails. The number identifies the problem.
    Fail(u8),
    /// The sidecar restarts and replays the journal.
    Restart,
    Note(u8),
}

/// A record that the owner of the collector writes to the journal.
#[derive(Debug, Clone, Copy)]
enum Record {
    Accepted(Post),
    Requested,
    Finished,
    Ended(End),
}

struct Owner {
    declaration: Declaration,
    collector: Collector,
    journal: Vec<Record>,
    /// The notes that [`Command::Note`] added since the last restart.
    notes: Vec<String>,
}

fn commands() -> impl Strategy<Value = Sequence<Command>> {
    let command = prop_oneof![
        12 => reference::posts().prop_map(Command::Post),
        1 => reference::posts().prop_map(Command::PostUnwritten),
        2 => Just(Command::Submit),
        2 => Just(Command::Finish),
        2 => any::<u8>().prop_map(Command::Commit),
        2 => any::<u8>().prop_map(Command::Fail),
        2 => Just(Command::Restart),
        1 => (0_u8..3).prop_map(Command::Note),
    ];
    prop::collection::vec(command, 0..14).prop_map(Sequence)
}

fn declaration(submit: Submit) -> Declaration {
    static DECLARATIONS: LazyLock<[Declaration; 3]> = LazyLock::new(|| {
        SUBMITS.map(|submit| {
            let text = format!("{DECLARATION}submit: {submit:?}\n");
            Declaration::parse(&text, &Scope::default()).unwrap()
        })
    });
    DECLARATIONS[submit as usize].clone()
}

fn outputs(post: Post) -> Outputs {
    let (_, outputs, exit_code) = post.message();
    message(exit_code, outputs)
}

fn outcome_of(number: u8) -> Outcome {
    Outcome {
        notes: vec![format!("commit {number}")],
        ..committed()
    }
}

fn problem_of(number: u8) -> Problem {
    Problem {
        detail: format!("failure {number}"),
        ..failure()
    }
}

// === impl Owner ===

impl Owner {
    fn new(submit: Submit) -> Self {
        let declaration = declaration(submit);
        Self {
            collector: with(declaration.clone()),
            declaration,
            journal: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn apply(&mut self, record: Record) -> Verdict {
        let collector = &mut self.collector;
        match record {
            Record::Accepted(post) => take(collector, post.message().0, outputs(post)),
            Record::Requested => collector.request_submission(),
            Record::Finished => collector.finish(),
            Record::Ended(end) => {
                let submitting = collector.submitting().expect("a submission is in progress");
                match end {
                    End::Committed(number) => {
                        submitting.commit(outcome_of(number), Attempts::new());
                    }
                    End::Failed(number) => submitting.fail(problem_of(number)),
                    End::Pending => panic!("End::Pending is never written to the journal"),
                }
                Verdict::Settled
            }
        }
    }

    fn write(&mut self, record: Record) -> Verdict {
        self.journal.push(record);
        self.apply(record)
    }

    /// Returns the response to a request with this verdict.
    fn response(&self, verdict: Verdict) -> Response {
        match verdict {
            Verdict::AwaitCommit if self.collector.is_submitting() => Response::Waits,
            _ => Response::Outcome,
        }
    }

    fn examine(&self, post: Post) -> (Response, bool) {
        match self.collector.examine(post.message().0, outputs(post)) {
            Err(refusal) => {
                let kind = Problem::from(refusal).kind;
                let kinds = problem_type::ALL.iter();
                let kind = kinds.copied().find(|known| **known == kind).unwrap();
                (Response::Refused(kind), false)
            }
            Ok(Examined::Repeated(Verdict::Settled)) => (Response::Receipt, false),
            Ok(Examined::Repeated(verdict)) => (self.response(verdict), false),
            Ok(Examined::New(_)) => (Response::Receipt, true),
        }
    }

    fn post(&mut self, post: Post) -> Response {
        match self.examine(post) {
            (_, true) => match self.write(Record::Accepted(post)) {
                Verdict::Settled => Response::Receipt,
                verdict => self.response(verdict),
            },
            (response, false) => response,
        }
    }

    fn request(&mut self) -> Response {
        match self.collector.examine_request() {
            Ok(true) => {
                let verdict = self.write(Record::Requested);
                self.response(verdict)
            }
            Ok(false) => self.response(Verdict::AwaitCommit),
            Err(problem) => {
                assert_eq!(problem.pending, self.collector.pending_names());
                Response::Refused(problem_type::PENDING)
            }
        }
    }

    fn finish(&mut self) -> Response {
        let verdict = if self.collector.is_finished() {
            self.collector.finish()
        } else {
            self.write(Record::Finished)
        };
        self.response(verdict)
    }

    fn restart(&mut self) {
        self.collector = with(self.declaration.clone());
        for record in self.journal.clone() {
            self.apply(record);
        }
        self.notes.clear();
    }

    /// Asserts that the collector and the model have the same observable state.
    fn check(&self, reference: &Reference) {
        let collector = &self.collector;
        let phase = reference.phase();
        let status = collector.status();
        assert_eq!((collector.phase(), status.phase), (phase, phase));
        assert_eq!(collector.is_submitting(), phase == Phase::Submitting);
        assert_eq!(collector.is_finished(), reference.is_finished());
        assert_eq!(collector.pending_names(), reference.pending());
        for step in STEPS {
            assert_eq!(self::step(collector, step), reference.step(step), "{step}");
        }
        for post in POSTS {
            let (mut response, is_new) = reference.examine(post);
            if is_new {
                // The collector decides only on accepting the message whether the sender waits, so `Owner::examine`
                // returns a receipt.
                response = Response::Receipt;
            }
            assert_eq!(self.examine(post), (response, is_new), "{post:?}");
        }
        let receipt = collector.receipt();
        assert_eq!(receipt.phase, phase);
        match (reference.end(), collector.outcome()) {
            (None, Ok(outcome)) => {
                assert_eq!((outcome.phase, outcome), (phase, receipt.clone()));
                assert_eq!(receipt.pending, reference.pending());
            }
            (Some(End::Committed(number)), outcome) => assert_eq!(outcome, Ok(outcome_of(number))),
            (Some(End::Failed(number)), outcome) => assert_eq!(outcome, Err(problem_of(number))),
            (Some(End::Pending), Err(problem)) => {
                assert_eq!(problem.kind, problem_type::PENDING);
                assert_eq!(problem.pending, reference.pending());
            }
            (end, outcome) => panic!("{end:?}: {outcome:?}"),
        }
        let idle = |note: &&String| note.starts_with("nothing was created");
        let notes = collector.notes();
        let repeated = |note: &&String| note.ends_with("ran again; its latest outputs are used");
        let count = notes.iter().filter(repeated).count();
        assert_eq!(count, reference.repeated(), "{notes:?}");
        let count = notes.iter().filter(idle).count();
        assert_eq!(count, usize::from(reference.has_idle_note()), "{notes:?}");
        let commit = match reference.end() {
            Some(End::Committed(number)) => outcome_of(number).notes,
            _ => Vec::new(),
        };
        let mut others: Vec<_> = notes
            .iter()
            .filter(|note| !idle(note) && !repeated(note))
            .cloned()
            .collect();
        let mut expected = [self.notes.clone(), commit].concat();
        others.sort();
        expected.sort();
        assert_eq!(others, expected);
    }
}

fn check(submit: Submit, commands: &[Command]) {
    let mut owner = Owner::new(submit);
    let mut reference = Reference::new(submit);
    owner.check(&reference);
    for command in commands {
        match *command {
            Command::Post(post) => {
                let (response, is_new) = reference.examine(post);
                assert_eq!(owner.post(post), response);
                if is_new {
                    reference.accept(post);
                }
            }
            Command::PostUnwritten(post) => {
                owner.examine(post);
            }
            Command::Submit => {
                let (response, begins) = reference.examine_request();
                assert_eq!(owner.request(), response);
                if begins {
                    reference.request();
                }
            }
            Command::Finish => assert_eq!(owner.finish(), reference.finish()),
            Command::Commit(_) | Command::Fail(_) if reference.phase() != Phase::Submitting => {
                assert!(owner.collector.submitting().is_none());
            }
            Command::Commit(number) => {
                owner.write(Record::Ended(End::Committed(number)));
                reference.settle(End::Committed(number));
            }
            Command::Fail(number) => {
                owner.write(Record::Ended(End::Failed(number)));
                reference.settle(End::Failed(number));
            }
            Command::Restart => owner.restart(),
            Command::Note(number) => {
                let note = format!("note {number}");
                owner.collector.note(note.clone());
                if !owner.notes.contains(&note) {
                    owner.notes.push(note);
                }
            }
        }
        owner.check(&reference);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_collector_matches_the_reference_model(
        submit in prop::sample::select(&SUBMITS[..]),
        commands in commands(),
    ) {
        check(submit, &commands.0);
    }
}

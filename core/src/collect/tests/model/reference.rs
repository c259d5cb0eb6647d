//! A reference model of a run with one declaration, based on docs/http-api.md and docs/declaration.md. Tests compare the
//! collector and the sidecar's run actor with the model. The model stores only the accepted requests, and derives everything else
//! from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gleaner_proto::message::{Phase, StepState, problem_type};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The declaration of the run, without `submit`. [`OUTPUTS`] lists the same outputs for the model. The step `lint`, which
/// declares no outputs, may also post.
pub(super) const DECLARATION: &str = "\
steps:
  build:
    - {name: digest}
    - {name: report, type: object, when: Always, default: {lines: 0}}
  scan:
    - {name: verdict, default: unknown}
objects:
  - name: img
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: img}
      data:
        digest: $(steps.build.digest)
        lines: $(steps.build.report.lines)x
        verdict: $(steps.scan.verdict)
";

struct Output {
    step: &'static str,
    name: &'static str,
    is_object: bool,
    always: bool,
    has_default: bool,
    /// The output's variable, in the form that the list of unknown variables contains.
    variable: &'static str,
}

const OUTPUTS: [Output; 3] = [
    Output {
        step: "build",
        name: "digest",
        is_object: false,
        always: false,
        has_default: false,
        variable: "steps.build.digest",
    },
    Output {
        step: "build",
        name: "report",
        is_object: true,
        always: true,
        has_default: true,
        variable: "steps.build.report",
    },
    Output {
        step: "scan",
        name: "verdict",
        is_object: false,
        always: false,
        has_default: true,
        variable: "steps.scan.verdict",
    },
];

pub(super) const STEPS: [&str; 3] = ["build", "scan", "lint"];

/// The trigger of the submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Submit {
    Resolved,
    Completed,
    Manual,
}

pub(super) const SUBMITS: [Submit; 3] = [Submit::Resolved, Submit::Completed, Submit::Manual];

/// A message that a step posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Post {
    Build,
    BuildOther,
    BuildWithoutReport,
    BuildWithoutDigest,
    BuildWrongType,
    BuildUnknownOutput,
    BuildFailed,
    BuildFailedWithReport,
    BuildFailedWithDigest,
    Scan,
    ScanEmpty,
    ScanFailed,
    Lint,
    NoSuchStep,
}

pub(super) const POSTS: [Post; 14] = [
    Post::Lint,
    Post::Scan,
    Post::ScanEmpty,
    Post::ScanFailed,
    Post::Build,
    Post::BuildOther,
    Post::BuildWithoutReport,
    Post::BuildWithoutDigest,
    Post::BuildWrongType,
    Post::BuildUnknownOutput,
    Post::BuildFailed,
    Post::BuildFailedWithReport,
    Post::BuildFailedWithDigest,
    Post::NoSuchStep,
];

/// The final result of a run. The number identifies the outcome or problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Committed(u8),
    Failed(u8),
    /// The run failed without a submission: it finished with unknown variables.
    Pending,
}

/// The response to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    /// The request is rejected with a problem of this type.
    Refused(&'static str),
    /// The response confirms that the step's outputs were accepted. It does not depend on the outcome of the run.
    Receipt,
    /// The response is sent when the submission completes.
    Waits,
    /// The response is the outcome of the run: a problem if the run failed.
    Outcome,
}

/// A sequence of commands, shown on one line when a test fails.
#[derive(Clone)]
pub(super) struct Sequence<T>(pub(super) Vec<T>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    submit: Submit,
    accepted: BTreeMap<&'static str, Post>,
    /// The steps with more than one accepted message.
    repeated: BTreeSet<&'static str>,
    /// The step whose message started the submission.
    completing: Option<&'static str>,
    requested: bool,
    finished: bool,
    /// True if the run finished before a submit request arrived.
    finished_idle: bool,
    end: Option<End>,
}

// === impl Sequence ===

impl<T: fmt::Debug> fmt::Debug for Sequence<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands = self.0.iter().map(|command| format!("{command:?}"));
        write!(out, "[{}]", commands.collect::<Vec<_>>().join(", "))
    }
}

// === impl Post ===

impl Post {
    /// Returns the step that posts the message, the outputs, and the exit code of the step's command.
    pub(super) fn message(self) -> (&'static str, Value, i32) {
        let report = json!({"lines": 7});
        match self {
            Self::Build => ("build", json!({"digest": "a", "report": report}), 0),
            Self::BuildOther => ("build", json!({"digest": "b", "report": report}), 0),
            Self::BuildWithoutReport => ("build", json!({"digest": "a"}), 0),
            Self::BuildWithoutDigest => ("build", json!({"report": report}), 0),
            Self::BuildWrongType => ("build", json!({"digest": 1}), 0),
            Self::BuildUnknownOutput => ("build", json!({"digest": "a", "digset": "a"}), 0),
            Self::BuildFailed => ("build", json!({}), 1),
            Self::BuildFailedWithReport => ("build", json!({"report": report}), 1),
            Self::BuildFailedWithDigest => ("build", json!({"digest": "a"}), 1),
            Self::Scan => ("scan", json!({"verdict": "clean"}), 0),
            Self::ScanEmpty => ("scan", json!({}), 0),
            Self::ScanFailed => ("scan", json!({}), 1),
            Self::Lint => ("lint", json!({}), 0),
            Self::NoSuchStep => ("nobody", json!({}), 0),
        }
    }

    fn fits(self) -> bool {
        let (step, outputs, exit_code) = self.message();
        let outputs = outputs.as_object().unwrap();
        let fits = |(name, value): (&String, &Value)| {
            let declared = OUTPUTS.iter();
            let mut declared = declared.filter(|output| output.step == step && output.name == name);
            declared.next().is_some_and(|output| {
                let is_of_type = if output.is_object {
                    value.is_object()
                } else {
                    value.is_string()
                };
                is_of_type && (exit_code == 0 || output.always)
            })
        };
        let is_complete = OUTPUTS.iter().all(|output| {
            output.step != step || output.has_default || outputs.contains_key(output.name)
        });
        outputs.iter().all(fits) && (exit_code != 0 || is_complete)
    }
}

pub(super) fn posts() -> impl Strategy<Value = Post> {
    // proptest shrinks a failing case toward the first alternative, so the simplest one comes first.
    prop_oneof![
        3 => Just(Post::Build),
        3 => Just(Post::Scan),
        4 => proptest::sample::select(&POSTS[..]),
    ]
}

// === impl Reference ===

impl Reference {
    pub(super) fn new(submit: Submit) -> Self {
        Self {
            submit,
            accepted: BTreeMap::new(),
            repeated: BTreeSet::new(),
            completing: None,
            requested: false,
            finished: false,
            finished_idle: false,
            end: None,
        }
    }

    pub(super) fn pending(&self) -> Vec<&'static str> {
        let pending = OUTPUTS.iter().filter(|output| !self.knows(output));
        pending.map(|output| output.variable).collect()
    }

    fn knows(&self, output: &Output) -> bool {
        let is_known = self.accepted.get(output.step).is_some_and(|post| {
            let (_, outputs, exit_code) = post.message();
            outputs.get(output.name).is_some()
                || output.has_default && (exit_code == 0 || output.always)
        });
        is_known || self.finished && output.has_default
    }

    pub(super) fn phase(&self) -> Phase {
        let is_resolved = self.pending().is_empty();
        let is_due = match self.submit {
            Submit::Resolved => is_resolved,
            Submit::Completed => is_resolved && self.finished,
            Submit::Manual => self.requested,
        };
        match self.end {
            Some(End::Committed(_)) => Phase::Committed,
            Some(_) => Phase::Failed,
            None if is_due => Phase::Submitting,
            None if is_resolved => Phase::Resolved,
            None => Phase::Collecting,
        }
    }

    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Returns true if a note reports that the run finished without a submit request.
    pub(super) fn has_idle_note(&self) -> bool {
        self.finished_idle
    }

    /// Returns the number of steps that ran again. The run has one note about each of them.
    pub(super) fn repeated(&self) -> usize {
        self.repeated.len()
    }

    pub(super) fn step(&self, step: &str) -> (StepState, Option<i32>) {
        match self.accepted.get(step).map(|post| post.message().2) {
            Some(0) => (StepState::Received, Some(0)),
            Some(exit_code) => (StepState::Failed, Some(exit_code)),
            None if self.finished => (StepState::Skipped, None),
            None => (StepState::Waiting, None),
        }
    }

    /// Returns the response to `post`, and a flag that is true if the message is accepted.
    pub(super) fn examine(&self, post: Post) -> (Response, bool) {
        let (step, ..) = post.message();
        let response = match self.accepted.get(step) {
            _ if !STEPS.contains(&step) => Response::Refused(problem_type::NOT_FOUND),
            Some(before) if *before != post => match self.phase() {
                // The step ran again before its first message was used for the submission.
                Phase::Collecting | Phase::Resolved if !self.finished => {
                    return self.examine_fitting(post);
                }
                _ => Response::Refused(problem_type::ALREADY_WRITTEN),
            },
            Some(_) if self.completing == Some(step) => self.outcome(),
            Some(_) => Response::Receipt,
            None if self.finished => Response::Refused(problem_type::ALREADY_WRITTEN),
            None => return self.examine_fitting(post),
        };
        (response, false)
    }

    fn examine_fitting(&self, post: Post) -> (Response, bool) {
        if !post.fits() {
            return (Response::Refused(problem_type::OUTPUT), false);
        }
        let mut after = self.clone();
        after.accept(post);
        let response = match after.completing == Some(post.message().0) {
            true => Response::Waits,
            false => Response::Receipt,
        };
        (response, true)
    }

    pub(super) fn accept(&mut self, post: Post) {
        let (step, ..) = post.message();
        let was_open = self.phase() != Phase::Submitting && self.end.is_none();
        if self.accepted.insert(step, post).is_some() {
            self.repeated.insert(step);
        }
        if was_open && self.phase() == Phase::Submitting {
            self.completing = Some(step);
        }
    }

    /// Returns the response to a submit request, and a flag that is true if the request starts the submission.
    pub(super) fn examine_request(&self) -> (Response, bool) {
        match self.phase() {
            Phase::Collecting => (Response::Refused(problem_type::PENDING), false),
            Phase::Resolved if self.submit == Submit::Manual => (Response::Waits, true),
            _ => (self.outcome(), false),
        }
    }

    pub(super) fn request(&mut self) {
        self.requested = true;
    }

    /// Finishes the run; a second call changes nothing. Returns the response.
    pub(super) fn finish(&mut self) -> Response {
        if !self.finished {
            self.finished = true;
            let is_open = matches!(self.phase(), Phase::Collecting | Phase::Resolved);
            if is_open && self.submit == Submit::Manual {
                self.finished_idle = true;
            } else if is_open {
                self.end = Some(End::Pending);
            }
        }
        self.outcome()
    }

    /// Completes the submission.
    pub(super) fn settle(&mut self, end: End) {
        assert_eq!(self.phase(), Phase::Submitting);
        self.end = Some(end);
    }

    fn outcome(&self) -> Response {
        match self.phase() {
            Phase::Submitting => Response::Waits,
            _ => Response::Outcome,
        }
    }
}

//! The spans of a run, built from the moments that the actor and the submission report.
//!
//! ```text
//! gleaner run
//! ├── collect            one for each message of a step
//! └── submit
//!     ├── render
//!     ├── dry-run
//!     ├── create KIND    one for each object
//!     ├── wait
//!     └── rollback
//! ```

use gleaner_proto::message::Problem;
use gleaner_submission::Progress;
use serde_json::Value;

use super::span::{Error, Span};

/// The maximum number of finished spans that wait for an export. A run has one for each message and each object; the bound
/// limits the memory for a client that repeats messages. Further spans are dropped and counted.
pub(super) const SPANS_MAX: usize = 512;

const RESOURCE: &str = "gleaner.resource";

/// The finished spans that are not exported yet, and the unfinished ones. All times are nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Record {
    ids: Ids,
    root: Span,
    submission: Option<Span>,
    /// The unfinished part of the submission.
    part: Option<Span>,
    finished: Vec<Span>,
    dropped: usize,
}

/// Distinct span IDs: consecutive numbers after a random one.
#[derive(Debug)]
pub(super) struct Ids(pub(super) u64);

/// The time of a piece of work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Ids {
    fn next(&mut self) -> String {
        // The ID of zeros is not valid.
        self.0 = self.0.checked_add(1).unwrap_or(1);
        format!("{:016x}", self.0)
    }
}

impl Record {
    /// Begins the run's own span; `parent` is a span of another process.
    pub(super) fn new(
        mut ids: Ids,
        parent: Option<String>,
        attributes: Vec<(&'static str, Value)>,
        now: u64,
    ) -> Self {
        let root = Span {
            id: ids.next(),
            parent,
            name: "gleaner run".to_owned(),
            start: now,
            end: now,
            attributes,
            error: None,
        };
        Self {
            ids,
            root,
            submission: None,
            part: None,
            finished: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds the span of a step's message.
    pub(super) fn collected(&mut self, step: &str, time: Time, problem: Option<&Problem>) {
        let mut span = self.begin("collect", self.root.id.clone(), time.start);
        span.attributes.push(("gleaner.step", step.into()));
        span.error = problem.map(code_of);
        self.finish(span, time.end);
    }

    /// Begins the span of the submission.
    pub(super) fn submitting(&mut self, now: u64) {
        self.submission = Some(self.begin("submit", self.root.id.clone(), now));
    }

    /// Adds the span of the rendering.
    pub(super) fn rendered(&mut self, time: Time, problem: Option<&Problem>) {
        let mut span = self.begin("render", self.submission_id(), time.start);
        span.error = problem.map(code_of);
        self.finish(span, time.end);
    }

    /// Begins and finishes the parts of the submission.
    pub(super) fn progress(&mut self, progress: Progress<'_>, now: u64) {
        match progress {
            Progress::DryRun => self.turn_to("dry-run", now),
            Progress::Creating {
                resource,
                kind,
                name,
                ..
            } => {
                self.turn_to(&format!("create {kind}"), now);
                if let Some(part) = &mut self.part {
                    part.attributes = vec![
                        (RESOURCE, resource.as_str().into()),
                        ("gleaner.object.kind", kind.into()),
                        ("gleaner.object.name", name.into()),
                    ];
                }
            }
            Progress::Created { created, .. } => {
                if let Some(part) = &mut self.part {
                    let action = format!("{:?}", created.action);
                    part.attributes.push(("gleaner.action", action.into()));
                }
                self.finish_part(now);
            }
            Progress::Waiting => self.turn_to("wait", now),
            // Something failed in the current part; the outcome names the cause.
            Progress::RollingBack => {
                if let Some(part) = &mut self.part {
                    part.error = Some(Error::Unknown);
                }
                self.turn_to("rollback", now);
            }
            Progress::DryRunDone | Progress::RolledBack | Progress::Done => self.finish_part(now),
            _ => {}
        }
    }

    /// Finishes the submission. A part that failed gets the code of its cause.
    pub(super) fn submitted(&mut self, problem: Option<&Problem>, now: u64) {
        self.finish_part(now);
        let outcome = if problem.is_some() {
            "Failed"
        } else {
            "Committed"
        };
        self.root
            .attributes
            .push(("gleaner.outcome", outcome.into()));
        if let Some(problem) = problem {
            let unknown = |span: &&mut Span| span.error == Some(Error::Unknown);
            for span in self.finished.iter_mut().filter(unknown) {
                span.error = Some(cause_of(span, problem));
            }
            self.root.error = Some(code_of(problem));
        }
        if let Some(mut submission) = self.submission.take() {
            submission.error = problem.map(code_of);
            self.finish(submission, now);
        }
    }

    /// Finishes the run, with all spans that are still open: the sidecar was shut down before they could finish.
    pub(super) fn end(&mut self, now: u64) {
        self.finish_part(now);
        if let Some(submission) = self.submission.take() {
            self.finish(submission, now);
        }
        let mut root = self.root.clone();
        if self.dropped > 0 {
            let dropped = ("gleaner.dropped_spans", self.dropped.into());
            root.attributes.push(dropped);
        }
        root.end = now;
        // The bound does not apply: the root is what the other spans refer to.
        self.finished.push(root);
    }

    /// Returns the finished spans and removes them.
    pub(super) fn take(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.finished)
    }

    fn submission_id(&self) -> String {
        let submission = self.submission.as_ref().unwrap_or(&self.root);
        submission.id.clone()
    }

    fn begin(&mut self, name: &str, parent: String, start: u64) -> Span {
        Span {
            id: self.ids.next(),
            parent: Some(parent),
            name: name.to_owned(),
            start,
            end: start,
            attributes: Vec::new(),
            error: None,
        }
    }

    fn turn_to(&mut self, name: &str, now: u64) {
        self.finish_part(now);
        self.part = Some(self.begin(name, self.submission_id(), now));
    }

    fn finish_part(&mut self, now: u64) {
        if let Some(part) = self.part.take() {
            self.finish(part, now);
        }
    }

    fn finish(&mut self, mut span: Span, end: u64) {
        span.end = end;
        if self.finished.len() < SPANS_MAX {
            self.finished.push(span);
        } else {
            self.dropped += 1;
        }
    }
}

/// Returns the code of the first failure, or else the problem's name, which has no text of a run.
fn code_of(problem: &Problem) -> Error {
    let code = problem.failures.first().map(|first| first.code);
    match code {
        Some(code) => Error::Code(format!("{code:?}")),
        None => Error::Code(problem.kind.trim_start_matches("/problems/").to_owned()),
    }
}

/// Returns the code of the failure of the span's own object, or else of the first failure.
fn cause_of(span: &Span, problem: &Problem) -> Error {
    let mut attributes = span.attributes.iter();
    let resource = attributes.find(|(key, _)| *key == RESOURCE);
    let resource = resource.and_then(|(_, resource)| resource.as_str());
    let mut failures = problem.failures.iter();
    let own =
        failures.find(|failure| resource.is_some() && failure.resource.as_deref() == resource);
    match own {
        Some(own) => Error::Code(format!("{:?}", own.code)),
        None => code_of(problem),
    }
}

#[cfg(test)]
mod tests;

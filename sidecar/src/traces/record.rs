//! Builds the spans of a run from the events that the actor and the submission report.
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

/// The maximum number of finished spans that wait for an export. Each message and each object has a span, so this bound limits
/// the memory that a client can use by repeating messages. Additional spans are dropped, and their number is exported.
pub(super) const SPANS_MAX: usize = 512;

const RESOURCE: &str = "gleaner.resource";

/// The spans that are not exported yet, finished and unfinished. All times are in nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Record {
    ids: Ids,
    root: Span,
    submission: Option<Span>,
    /// The span of the current part of the submission, such as `dry-run`.
    part: Option<Span>,
    finished: Vec<Span>,
    dropped: usize,
}

/// A generator of distinct span IDs, which are consecutive numbers. The field is the last ID; its initial value is a random
/// number.
#[derive(Debug)]
pub(super) struct Ids(pub(super) u64);

/// The times at which an operation started and ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Ids {
    fn next(&mut self) -> String {
        // Continue with 1 after the largest number, because W3C Trace Context does not allow 0 as an ID.
        self.0 = self.0.checked_add(1).unwrap_or(1);
        format!("{:016x}", self.0)
    }
}

impl Record {
    /// Begins the span `gleaner run`. `parent` is the ID of its parent span, which belongs to another process.
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

    /// Adds a `collect` span for a step's message.
    pub(super) fn collected(&mut self, step: &str, time: Time, problem: Option<&Problem>) {
        let mut span = self.begin("collect", self.root.id.clone(), time.start);
        span.attributes.push(("gleaner.step", step.into()));
        span.error = problem.map(code_of);
        self.finish(span, time.end);
    }

    /// Begins the `submit` span.
    pub(super) fn submitting(&mut self, now: u64) {
        self.submission = Some(self.begin("submit", self.root.id.clone(), now));
    }

    /// Adds the `render` span.
    pub(super) fn rendered(&mut self, time: Time, problem: Option<&Problem>) {
        let mut span = self.begin("render", self.submission_id(), time.start);
        span.error = problem.map(code_of);
        self.finish(span, time.end);
    }

    /// Begins or finishes the span for a part of the submission.
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
            // The current part failed. The cause is unknown until `submitted` is called.
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

    /// Finishes the `submit` span. If the submission failed, sets the error codes in this span, in the failed part's span and in
    /// the run's span.
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

    /// Finishes the span `gleaner run`, and all spans that are unfinished because the sidecar is shutting down.
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
        // Ignore the maximum, because other spans refer to the root span.
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

/// Returns the code of the first failure, or the problem's type if there are no failures. Neither contains text from the run.
fn code_of(problem: &Problem) -> Error {
    let code = problem.failures.first().map(|first| first.code);
    match code {
        Some(code) => Error::Code(format!("{code:?}")),
        None => Error::Code(problem.kind.trim_start_matches("/problems/").to_owned()),
    }
}

/// Returns the code of the failure that concerns the span's object, or by default the code of the first failure.
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

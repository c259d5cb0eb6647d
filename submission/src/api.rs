//! One request to the API server, repeated while that makes sense.
//!
//! Every request here may be repeated, because every object has its name before it is sent.

use std::sync::Mutex;
use std::time::Duration;

use gleaner_runtime::api_server::ApiServer;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::Instant;

use super::Settings;
use super::answer::{self, Again, Answer, Done, Refusal};
use super::request::Call;

/// First wait between two attempts; doubled each time.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// Longest wait between two attempts, unless the API server asks for more.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// The API server, for one purpose with one deadline.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) server: &'a ApiServer,
    pub(super) settings: &'a Settings,
    pub(super) notes: &'a Notes,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

/// Sentences for a person, each once.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<String>>);

/// A request that was done in the end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) done: Done,
    /// Whether an earlier attempt may have been done too.
    pub(super) unsure: bool,
}

/// A request that was not done, as far as anybody knows.
#[derive(Debug)]
pub(super) struct CallError {
    pub(super) end: End,
    /// Whether some attempt may have been done all the same.
    pub(super) unsure: bool,
}

/// How a request ended that was not done.
#[derive(Debug)]
pub(super) enum End {
    Refused(Refusal),
    Late {
        within: Duration,
        last: String,
        answered: bool,
    },
    /// The request cannot be made, or its answer can never be read.
    Broken(String),
}

// === impl Api ===

impl<'a> Api<'a> {
    /// The same API server, with `duration` from now on.
    pub(super) fn within(self, duration: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + duration,
            ..self
        }
    }

    /// Sends a request until it is done, refused, or late.
    pub(super) async fn call(self, call: &Call) -> Result<Reply, CallError> {
        let mut unsure = false;
        let mut unauthorised = false;
        let mut backoff = BACKOFF_FIRST;
        loop {
            let again = match self.attempt(call).await {
                Answer::Done(done) => return Ok(self.reply(done, unsure)),
                Answer::Refused(refusal) => return Err(CallError::refused(refusal, unsure)),
                Answer::Unauthorised(refusal) if unauthorised => {
                    return Err(CallError::refused(refusal, unsure));
                }
                // Once: the kubelet has replaced the token and the client has not read it yet.
                Answer::Unauthorised(refusal) => {
                    unauthorised = true;
                    Again {
                        words: refusal.words,
                        unsure: false,
                        answered: true,
                        after: Some(self.settings.unauthorised_pause),
                    }
                }
                Answer::Broken(words) => {
                    let end = End::Broken(words);
                    return Err(CallError { end, unsure: true });
                }
                Answer::Again(again) => again,
            };
            unsure |= again.unsure;
            let pause = jittered(backoff).max(again.after.unwrap_or_default());
            // A wait beyond the deadline is a failure already; the step need not sit through it.
            if Instant::now() + pause >= self.deadline {
                let end = self.late(again.words, again.answered);
                return Err(CallError { end, unsure });
            }
            tracing::debug!(method = %call.method, uri = %call.uri, error = %again.words, ?pause, "request-retried");
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    pub(super) async fn attempt(self, call: &Call) -> Answer {
        let request = Request::builder()
            .method(&call.method)
            .uri(&call.uri)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, call.content_type);
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.server.send(request, call.body.clone(), left).await {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers());
                let body = response.body();
                answer::read(&call.method, status, headers, body, &call.disclosure)
            }
            Err(reason) => answer::unsent(&reason, &call.disclosure),
        }
    }

    fn reply(self, done: Done, unsure: bool) -> Reply {
        for warning in &done.warnings {
            self.notes.add(format!("the API server warns: {warning}"));
        }
        Reply { done, unsure }
    }

    /// The end of what was not done in time.
    pub(super) fn late(self, last: String, answered: bool) -> End {
        End::Late {
            within: self.deadline - self.started,
            last,
            answered,
        }
    }
}

// === impl CallError ===

impl CallError {
    fn refused(refusal: Refusal, unsure: bool) -> Self {
        let end = End::Refused(refusal);
        Self { end, unsure }
    }

    /// Whether there is an object of that name.
    pub(super) fn is_already_exists(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_already_exists)
    }

    /// Whether there is nothing of that name.
    pub(super) fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_not_found)
    }

    /// The API server's `no`, when that is how it ended.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match &self.end {
            End::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

// === impl Notes ===

impl Notes {
    /// Adds a sentence, unless it is there.
    pub(super) fn add(&self, note: String) {
        let mut notes = self.lock();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Full jitter: anything up to `backoff`, so that many runs that failed together do not come back together.
fn jittered(backoff: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    backoff.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

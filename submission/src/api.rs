//! A request to the API server, with retries.
//!
//! Every request may be repeated, because the name of each object is determined before the first attempt.

use std::sync::Mutex;
use std::time::Duration;

use gleaner_runtime::api_server::ApiServer;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use tokio::time::Instant;

use super::answer::{self, Again, Answer, Done, Refusal};
use super::progress::Report;
use super::request::Call;
use super::settings::Settings;

/// The upper bound for the wait before the second attempt. The bound doubles with each further attempt.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The time allowed for a request to reach the API server, whose own time limit starts when the request arrives.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// The maximum wait between two attempts, unless the API server requests a longer wait.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A client for one submission or preflight, with a deadline for its requests.
#[derive(Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) server: &'a ApiServer,
    pub(super) settings: &'a Settings,
    pub(super) notes: &'a Notes,
    pub(super) report: Report<'a>,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

/// Notes for users, without duplicates.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<String>>);

/// The waits between attempts. Each wait is random (full jitter), so that runs that fail together do not retry together.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

/// The response to a request that succeeded, possibly after retries.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) done: Done,
    /// True if an earlier attempt may also have succeeded.
    pub(super) unsure: bool,
}

/// A request that failed, or whose result is unknown.
#[derive(Debug)]
pub(super) struct CallError {
    pub(super) end: End,
    /// True if an attempt may have succeeded despite the error.
    pub(super) unsure: bool,
}

/// The reason why a request did not succeed.
#[derive(Debug)]
pub(super) enum End {
    Refused(Refusal),
    Late {
        within: Duration,
        last: String,
        answered: bool,
    },
    /// The response to a create or delete has a 2xx status but did not come from the API server. The object must be read to find
    /// out what exists.
    Unexpected(String),
    /// The request cannot be sent, or its response cannot be read.
    Broken(String),
}

// === impl Api ===

impl<'a> Api<'a> {
    /// Returns the same client, but with a deadline that is `duration` from now.
    pub(super) fn within(self, duration: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: later(started, duration),
            ..self
        }
    }

    /// Returns the same client, but with a deadline that is at most `limit` from now.
    pub(super) fn sooner(self, limit: Duration) -> Self {
        Self {
            deadline: later(Instant::now(), limit).min(self.deadline),
            ..self
        }
    }

    /// Sends a request until it succeeds, is refused, or the deadline passes.
    pub(super) async fn call(self, call: &Call) -> Result<Reply, CallError> {
        self.write(call, &mut None).await
    }

    /// Like [`Api::call`], but also sets `in_flight` to the latest time at which the API server may still execute an attempt
    /// whose result is unknown. `in_flight` is set before each attempt, because the caller may drop this future at any point.
    pub(super) async fn write(
        self,
        call: &Call,
        in_flight: &mut Option<Instant>,
    ) -> Result<Reply, CallError> {
        let mut unsure = false;
        let mut unauthorised = false;
        let mut backoff = Backoff::default();
        loop {
            let earlier = *in_flight;
            let over = later(Instant::now(), self.patience() + IN_FLIGHT);
            *in_flight = earlier.max(Some(over));
            let answer = self.attempt(call).await;
            if answer.is_certain() {
                *in_flight = earlier;
            }
            let again = match answer {
                Answer::Done(done) => return Ok(self.reply(done, unsure)),
                Answer::Refused(refusal) => return Err(CallError::refused(refusal, unsure)),
                Answer::Unauthorised(refusal) if unauthorised => {
                    return Err(CallError::refused(refusal, unsure));
                }
                // Retry once, because the kubelet may have rotated the token after the client read it.
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
                Answer::Unexpected(words) if call.expected.is_visible() => {
                    let end = End::Unexpected(words);
                    return Err(CallError { end, unsure: true });
                }
                Answer::Unexpected(words) => Again {
                    words,
                    unsure: true,
                    answered: true,
                    after: None,
                },
                Answer::Again(again) => again,
            };
            unsure |= again.unsure;
            let pause = backoff.next().max(again.after.unwrap_or_default());
            tracing::debug!(method = %call.method, uri = %call.uri, error = %again.words, ?pause, "request-failed");
            if !self.sleep(pause).await {
                let end = self.late(again.words, again.answered);
                return Err(CallError { end, unsure });
            }
        }
    }

    /// Waits before the next attempt. Returns false immediately if the wait would exceed the deadline.
    pub(super) async fn rest(self, backoff: &mut Backoff) -> bool {
        self.sleep(backoff.next()).await
    }

    /// Waits for `pause`. If the wait would exceed the deadline, returns false immediately, because no attempt would follow, and
    /// the wait would only delay the error.
    async fn sleep(self, pause: Duration) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let in_time = pause < left;
        if in_time {
            tokio::time::sleep(pause).await;
        }
        in_time
    }

    /// Returns the latest time at which the API server may still execute a write that a previous process sent.
    pub(super) fn predecessor_over(self) -> Instant {
        later(self.started, self.server.timeout() + IN_FLIGHT)
    }

    /// Returns the time allowed for the next attempt.
    fn patience(self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.min(self.server.timeout())
    }

    /// Sends a request once.
    pub(super) async fn attempt(self, call: &Call) -> Answer {
        let patience = self.patience();
        let request = Request::builder()
            .method(&call.method)
            .uri(call.uri_within(patience))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, call.content_type);
        let sent = self.server.send(request, call.body.clone(), patience);
        let answer = match sent.await {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers());
                let body = response.body();
                answer::read(&call.method, status, headers, body, &call.disclosure)
            }
            Err(reason) => answer::unsent(&reason, &call.disclosure),
        };
        match answer {
            Answer::Done(done) if !call.expected.is_met(done.status, &done.value) => {
                Answer::Unexpected(unexpected(done.status))
            }
            answer => answer,
        }
    }

    fn reply(self, done: Done, unsure: bool) -> Reply {
        for warning in &done.warnings {
            self.notes.add(format!("the API server warns: {warning}"));
        }
        Reply { done, unsure }
    }

    /// Returns the error for a request that did not complete in time.
    pub(super) fn late(self, last: String, answered: bool) -> End {
        End::Late {
            within: self.deadline - self.started,
            last,
            answered,
        }
    }
}

// === impl Backoff ===

impl Default for Backoff {
    fn default() -> Self {
        Self(BACKOFF_FIRST)
    }
}

impl Backoff {
    /// Returns a random wait. Its upper bound doubles with each call, up to [`BACKOFF_MAX`].
    fn next(&mut self) -> Duration {
        let bound = self.0;
        self.0 = (bound * 2).min(BACKOFF_MAX);
        let random = getrandom::u32().unwrap_or(u32::MAX);
        bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

// === impl CallError ===

impl CallError {
    fn refused(refusal: Refusal, unsure: bool) -> Self {
        let end = End::Refused(refusal);
        Self { end, unsure }
    }

    /// Returns true if the API server refused the request because an object with this name exists.
    pub(super) fn is_already_exists(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_already_exists)
    }

    /// Returns true if the response did not come from the API server, so that the object must be read to find out what exists.
    pub(super) fn is_unexpected(&self) -> bool {
        matches!(self.end, End::Unexpected(_))
    }

    /// Returns true if no object with this name exists.
    pub(super) fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_not_found)
    }

    /// Returns true if the deadline passed.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.end, End::Late { .. })
    }

    /// Returns true if the object would exceed a quota.
    pub(super) fn is_quota(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_quota)
    }

    /// Returns true if the response is a 404. Unless [`Self::is_not_found`] is also true, the API server usually does not serve
    /// the path.
    pub(super) fn is_not_served(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.code == StatusCode::NOT_FOUND)
    }

    /// Returns the API server's refusal, if the request was refused.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match &self.end {
            End::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

// === impl Notes ===

impl Notes {
    /// Adds a message, unless it is already present.
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

/// Returns a message that does not quote the response, because the source of the response is unknown.
fn unexpected(status: StatusCode) -> String {
    let code = status.as_u16();
    format!(
        "the response with status {code} did not come from an API server; check the proxies between the pod and the API server"
    )
}

/// Returns `moment` plus `duration`, or one year after `moment` if the clock cannot represent the sum.
pub(super) fn later(moment: Instant, duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    moment.checked_add(duration).unwrap_or(moment + YEAR)
}

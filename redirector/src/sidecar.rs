//! Sends requests to the sidecar until it responds, or until it has been unreachable for too long.
//!
//! Requests are retried if the sidecar is not ready yet, restarts, or is overloaded. Every request is safe to repeat: the sidecar
//! stores the outputs of a step once and returns the same response for the same body, and finishing is idempotent.

use std::fs::OpenOptions;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gleaner_proto::duration::written;
use gleaner_proto::failure;
use gleaner_proto::message::{OwnResults, problem_type};
use gleaner_proto::route;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answer::is_too_long;
use crate::body::Body;
use crate::exchange::{Interrupted, Request, Response, exchange, is_changed, is_silent};
use crate::failure::{Failure, Reason};
use crate::options::Common;
use crate::retry::{Next, Retry};

/// The maximum size of the token file, in bytes.
const TOKEN_MAX: u64 = 4 << 10;

/// The maximum time by which a report to the sidecar may delay the step.
const REPORT_PATIENCE: Duration = Duration::from_millis(500);

/// A client of the sidecar for one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sidecar<'a> {
    options: &'a Common,
    deadline: Duration,
}

/// A reason why an attempt returned no result.
enum Attempted {
    /// The connection failed.
    Interrupted(Interrupted),
    /// A retry is needed for this reason. The duration is the time for which the sidecar held the request.
    Again(String, Duration),
    Refused(Failure),
}

/// An error that occurs while the body of a successful response is read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The connection failed. The request can be repeated, and the response will be the same.
    Interrupted(io::Error),
    /// The body is malformed, or its content could not be processed.
    Failed(Failure),
}

/// The fields of a problem document (RFC 9457) that the redirector uses. `Causes` is the type of the field `failures`, or
/// [`IgnoredAny`] if the failures are not needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused<Causes> {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    detail: String,
    exit_code: u8,
    #[serde(
        default = "Default::default",
        bound(deserialize = "Causes: Deserialize<'de> + Default")
    )]
    failures: Causes,
}

// === impl Sidecar ===

impl<'a> Sidecar<'a> {
    pub(crate) const fn new(options: &'a Common) -> Self {
        Self {
            options,
            deadline: options.deadline,
        }
    }

    /// Limits the time for which the sidecar may be unreachable to at most `deadline`.
    pub(crate) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = self.deadline.min(deadline);
        self
    }

    /// Posts the step's outputs, and reports how much space the step's own results take up in the termination message.
    pub(crate) fn outputs(&self, body: &Body, own_results: OwnResults) -> Result<(), Failure> {
        let path = format!("{}{own_results}", route::outputs(&self.options.step));
        self.ask("POST", &path, body, drain)
    }

    /// Reports that the command starts, for the sidecar's status.
    pub(crate) fn start(&self) {
        self.report(&route::start(&self.options.step));
    }

    /// Reports, for the sidecar's status, that the step fails with `exit_code` without having posted outputs.
    pub(crate) fn failure(&self, exit_code: u8) {
        self.report(&route::failure(&self.options.step, exit_code));
    }

    /// Sends a request that only changes the status. Makes a single attempt, and ignores an error.
    fn report(&self, path: &str) {
        let request = Request {
            method: "POST",
            path,
            body: &Body::default(),
        };
        let until = Instant::now() + REPORT_PATIENCE;
        let sidecar = self.within(REPORT_PATIENCE);
        let _ = sidecar.attempt(&request, until, &mut drain);
    }

    /// Requests the result of the preflight. Fails if the preflight found that the resources cannot be created.
    pub(crate) fn preflight(&self) -> Result<(), Failure> {
        self.ask("GET", route::PREFLIGHT, &Body::default(), drain)
    }

    /// Finishes the run. `read` reads the outcome while it arrives. If the connection fails, the request is repeated, and `read`
    /// is called again with the new response.
    pub(crate) fn finish<T>(
        &self,
        own_results: OwnResults,
        mut read: impl FnMut(&mut dyn Read) -> Result<T, Unread>,
    ) -> Result<T, Failure> {
        let path = format!("{}{own_results}", route::FINISH);
        self.ask("POST", &path, &Body::default(), |body| match read(body) {
            Err(Unread::Interrupted(error)) if is_too_long(&error) => {
                let message = "the sidecar has finished the run, but its response is too large: the created resources \
                               exist, but no results can be passed to later tasks; declare fewer or shorter result fields";
                let failure = Failure::new(Reason::ResultsTooLarge, message);
                Err(Unread::Failed(failure))
            }
            read => read,
        })
    }

    fn ask<T>(
        &self,
        method: &'static str,
        path: &str,
        body: &Body,
        mut read: impl FnMut(&mut dyn Read) -> Result<T, Unread>,
    ) -> Result<T, Failure> {
        let request = Request { method, path, body };
        let until = Instant::now() + self.options.answer_timeout;
        let mut retry = Retry::new(self.deadline, until);
        loop {
            let (why, held) = match self.attempt(&request, until, &mut read) {
                Ok(read) => return Ok(read),
                Err(Attempted::Refused(failure)) => return Err(failure),
                Err(Attempted::Again(why, held)) => (why, held),
                Err(Attempted::Interrupted(interrupted)) if is_changed(&interrupted.error) => {
                    let message = format!(
                        "{}; before the command exits, stop all processes that write to the file",
                        interrupted.error
                    );
                    return Err(Failure::new(Reason::OutputUnreadable, message));
                }
                Err(Attempted::Interrupted(interrupted)) if is_silent(&interrupted.error) => {
                    return Err(self.unreachable(&interrupted.error.to_string()));
                }
                Err(Attempted::Interrupted(interrupted)) => {
                    (explain(&interrupted.error), interrupted.held)
                }
            };
            match retry.failed(Instant::now(), held) {
                Next::AgainAfter(pause) => std::thread::sleep(pause),
                Next::OutOfReach => return Err(self.unreachable(&why)),
                Next::NoAnswer => return Err(self.no_answer(&why)),
            }
        }
    }

    fn attempt<T>(
        &self,
        request: &Request<'_>,
        until: Instant,
        read: &mut impl FnMut(&mut dyn Read) -> Result<T, Unread>,
    ) -> Result<T, Attempted> {
        // The token is read for each attempt, because the sidecar may write the token file only after the first attempt.
        let token = self.options.token_file.as_deref().map(token).transpose();
        let token = token.map_err(|error| Interrupted {
            error,
            held: Duration::ZERO,
        });
        let mut response = token
            .and_then(|token| {
                let address = &self.options.sidecar;
                exchange(address, request, token.as_deref(), self.deadline, until)
            })
            .map_err(Attempted::Interrupted)?;
        if (200..300).contains(&response.status) {
            return read(&mut response.body).map_err(|unread| match unread {
                Unread::Failed(failure) => Attempted::Refused(failure),
                Unread::Interrupted(error) => Attempted::interrupted(error, &response),
            });
        }
        let body = BufReader::new(&mut response.body);
        let problem = match self.options.report_file {
            Some(_) => serde_json::from_reader(body),
            None => serde_json::from_reader(body).map(Refused::<IgnoredAny>::without_causes),
        };
        Err(judge(problem, &response))
    }

    fn unreachable(&self, why: &str) -> Failure {
        let message = format!(
            "the sidecar at {} was unreachable for {} ({why}); see its log, or raise --deadline",
            self.options.sidecar,
            written(self.deadline)
        );
        Failure::new(Reason::SidecarUnreachable, message)
    }

    fn no_answer(&self, why: &str) -> Failure {
        let message = format!(
            "the sidecar at {} did not respond within {} ({why}); see its log, or raise --answer-timeout",
            self.options.sidecar,
            written(self.options.answer_timeout)
        );
        Failure::new(Reason::SidecarTimeout, message)
    }
}

/// Reads and discards a body. A body that is too long is not an error, because the status is sufficient.
fn drain(body: &mut dyn Read) -> Result<(), Unread> {
    match io::copy(body, &mut io::sink()) {
        Err(error) if !is_too_long(&error) => Err(Unread::Interrupted(error)),
        _ => Ok(()),
    }
}

impl Attempted {
    fn interrupted(error: io::Error, response: &Response<'_>) -> Self {
        let held = response.held();
        Self::Interrupted(Interrupted { error, held })
    }
}

impl Refused<IgnoredAny> {
    fn without_causes(self) -> Refused<Vec<failure::Failure>> {
        let Self {
            kind,
            title,
            detail,
            exit_code,
            failures: IgnoredAny,
        } = self;
        Refused {
            kind,
            title,
            detail,
            exit_code,
            failures: Vec::new(),
        }
    }
}

/// Classifies a response that does not report success.
fn judge(
    problem: serde_json::Result<Refused<Vec<failure::Failure>>>,
    response: &Response<'_>,
) -> Attempted {
    let status = response.status;
    let message = match problem {
        Ok(problem) if again(status, Some(&problem.kind)) => {
            return Attempted::Again(problem.title, response.held());
        }
        Ok(problem) => return Attempted::Refused(refusal(status, problem)),
        Err(error) if error.is_io() => {
            let error = io::Error::from(error);
            if !is_too_long(&error) {
                return Attempted::interrupted(error, response);
            }
            format!(
                "the sidecar responded with {status} and an error that is too long to read; see the sidecar's log"
            )
        }
        Err(_) if again(status, None) => {
            return Attempted::Again(format!("it responded with {status}"), response.held());
        }
        Err(_) => format!(
            "the sidecar responded with {status} but gave no reason; check that it is Gleaner's sidecar, of the same version as the redirector"
        ),
    };
    Attempted::Refused(Failure::new(Reason::SidecarRefused(status), message))
}

/// Returns true if the same request may succeed later.
fn again(status: u16, kind: Option<&str>) -> bool {
    match kind {
        Some(problem_type::BUSY) => true,
        // A problem document comes from the sidecar itself and not from a proxy, so only these two statuses are temporary.
        Some(_) => matches!(status, 408 | 503),
        None => matches!(status, 408 | 429 | 500..),
    }
}

fn refusal(status: u16, problem: Refused<Vec<failure::Failure>>) -> Failure {
    let reason = Reason::of_problem(&problem.kind, status, problem.exit_code);
    let message = match (problem.title.is_empty(), problem.detail.is_empty()) {
        (_, true) => problem.title,
        (true, _) => problem.detail,
        _ => format!("{}: {}", problem.title, problem.detail),
    };
    Failure {
        failures: problem.failures,
        ..Failure::new(reason, message)
    }
}

fn token(path: &Path) -> io::Result<String> {
    let shown = path.display();
    let wrong = |why: &dyn std::fmt::Display| {
        io::Error::other(format!("the token file '{shown}' cannot be used: {why}"))
    };
    let mut text = String::new();
    // With O_NONBLOCK, opening a FIFO does not wait for a writer. O_NOFOLLOW is not set, because a file in a mounted Secret is a
    // link.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| wrong(&error))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(wrong(&"it is not a regular file"));
    }
    file.take(TOKEN_MAX)
        .read_to_string(&mut text)
        .map_err(|error| wrong(&error))?;
    let token = text.trim_ascii();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(&"it does not contain a valid token"));
    }
    Ok(token.to_owned())
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "its socket does not exist".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it closed the connection".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "it did not respond".to_owned(),
        _ => error.to_string(),
    }
}

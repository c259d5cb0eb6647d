//! Ask the sidecar until it has answered, or is out of reach for too long.
//!
//! A sidecar that is not there yet, restarts, or is overloaded is asked again: every message is safe to repeat
//! (outputs are write-once per step, the same body again is answered as before; a finish is idempotent).

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gleaner_proto::duration::written;
use gleaner_proto::message::{Outcome, OwnResults, Phase, Problem, problem_type};
use gleaner_proto::route;

use crate::answer::Answer;
use crate::body::Body;
use crate::exchange::{Interrupted, Request, exchange, is_changed, is_silent};
use crate::failure::{Failure, Reason};
use crate::options::Common;
use crate::retry::{Next, Retry};

/// Longest token file, in bytes.
const TOKEN_MAX: u64 = 4 << 10;

/// The sidecar, as one step sees it.
#[derive(Debug)]
pub(crate) struct Sidecar<'a> {
    options: &'a Common,
    deadline: Duration,
}

/// What an answer means.
enum Verdict {
    Accepted,
    /// Ask again; this is why.
    Again(String),
    Refused(Failure),
}

// === impl Sidecar ===

impl<'a> Sidecar<'a> {
    pub(crate) const fn new(options: &'a Common) -> Self {
        Self {
            options,
            deadline: options.deadline,
        }
    }

    /// Gives up sooner than the options say.
    pub(crate) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = self.deadline.min(deadline);
        self
    }

    /// Posts the outputs of the step, with what its own results leave of the room for others.
    pub(crate) fn outputs(&self, body: &Body, own_results: OwnResults) -> Result<(), Failure> {
        let path = format!("{}{own_results}", route::outputs(&self.options.step));
        self.ask("POST", &path, body).map(drop)
    }

    /// Asks whether the resources can be created, as far as that can be known beforehand.
    pub(crate) fn preflight(&self) -> Result<(), Failure> {
        self.ask("GET", route::PREFLIGHT, &Body::default())
            .map(drop)
    }

    /// Finishes the run.
    pub(crate) fn finish(&self, own_results: OwnResults) -> Result<Outcome, Failure> {
        let path = format!("{}{own_results}", route::FINISH);
        let answer = self.ask("POST", &path, &Body::default())?;
        let body = answer.body.ok_or_else(|| {
            let message = "the sidecar has finished the run, but its answer is too large to be read: what was created \
                           exists, and no results can be handed on; declare fewer or shorter result fields";
            Failure::new(Reason::ResultsTooLarge, message)
        })?;
        let outcome: Outcome = serde_json::from_slice(&body).map_err(|error| {
            let message = format!(
                "the sidecar's answer cannot be understood ({error}); use a redirector and a sidecar of one version"
            );
            Failure::new(Reason::SidecarAnswer, message)
        })?;
        if outcome.phase == Phase::Failed {
            let message = format!(
                "the resources were not created: {}",
                outcome.notes.join("; ")
            );
            return Err(Failure::new(Reason::NotCreated, message));
        }
        Ok(outcome)
    }

    fn ask(&self, method: &'static str, path: &str, body: &Body) -> Result<Answer, Failure> {
        let request = Request { method, path, body };
        let until = Instant::now() + self.options.answer_timeout;
        let mut retry = Retry::new(self.deadline, until);
        loop {
            let (why, held) = match self.attempt(&request, until) {
                Ok((answer, held)) => match judge(&answer) {
                    Verdict::Accepted => return Ok(answer),
                    Verdict::Refused(failure) => return Err(failure),
                    Verdict::Again(why) => (why, held),
                },
                Err(interrupted) if is_changed(&interrupted.error) => {
                    let message = format!(
                        "{}; end all processes that write to it before the step ends",
                        interrupted.error
                    );
                    return Err(Failure::new(Reason::OutputUnreadable, message));
                }
                Err(interrupted) if is_silent(&interrupted.error) => {
                    return Err(self.unreachable(&interrupted.error.to_string()));
                }
                Err(interrupted) => (explain(&interrupted.error), interrupted.held),
            };
            match retry.failed(Instant::now(), held) {
                Next::AgainAfter(pause) => std::thread::sleep(pause),
                Next::OutOfReach => return Err(self.unreachable(&why)),
                Next::NoAnswer => return Err(self.no_answer(&why)),
            }
        }
    }

    fn attempt(
        &self,
        request: &Request<'_>,
        until: Instant,
    ) -> Result<(Answer, Duration), Interrupted> {
        // Read each time: the sidecar writes it, perhaps only now.
        let token = self.options.token_file.as_deref().map(token).transpose();
        let token = token.map_err(|error| Interrupted {
            error,
            held: Duration::ZERO,
        })?;
        exchange(
            &self.options.sidecar,
            request,
            token.as_deref(),
            self.deadline,
            until,
        )
    }

    fn unreachable(&self, why: &str) -> Failure {
        let message = format!(
            "the sidecar at {} was out of reach for {} ({why}); see its log, or raise --deadline",
            self.options.sidecar,
            written(self.deadline)
        );
        Failure::new(Reason::SidecarUnreachable, message)
    }

    fn no_answer(&self, why: &str) -> Failure {
        let message = format!(
            "the sidecar at {} gave no answer within {} ({why}); see its log, or raise --answer-timeout",
            self.options.sidecar,
            written(self.options.answer_timeout)
        );
        Failure::new(Reason::SidecarTimeout, message)
    }
}

fn judge(answer: &Answer) -> Verdict {
    if (200..300).contains(&answer.status) {
        return Verdict::Accepted;
    }
    let status = answer.status;
    let Some(body) = &answer.body else {
        let message =
            format!("the sidecar answered {status}, and why is too long to be read; see its log");
        return Verdict::Refused(Failure::new(Reason::SidecarRefused(status), message));
    };
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if again(status, Some(&problem.kind)) => Verdict::Again(problem.title),
        Ok(problem) => Verdict::Refused(refusal(status, &problem)),
        Err(_) if again(status, None) => Verdict::Again(format!("it answers {status}")),
        Err(_) => {
            let message = format!(
                "the sidecar answered {status} without saying why; is it Gleaner's, and of the same version?"
            );
            Verdict::Refused(Failure::new(Reason::SidecarRefused(status), message))
        }
    }
}

/// Whether the same request may fare better a little later.
fn again(status: u16, kind: Option<&str>) -> bool {
    match kind {
        Some(problem_type::BUSY) => true,
        // The sidecar knows what has happened, and says so.
        Some(_) => matches!(status, 408 | 503),
        None => matches!(status, 408 | 429 | 500..),
    }
}

fn refusal(status: u16, problem: &Problem) -> Failure {
    let reason = Reason::of_problem(&problem.kind, status, problem.exit_code);
    let message = match (problem.title.is_empty(), problem.detail.is_empty()) {
        (_, true) => problem.title.clone(),
        (true, _) => problem.detail.clone(),
        _ => format!("{}: {}", problem.title, problem.detail),
    };
    Failure {
        failures: problem.failures.clone(),
        ..Failure::new(reason, message)
    }
}

fn token(path: &Path) -> io::Result<String> {
    let shown = path.display();
    let wrong =
        |why: &dyn std::fmt::Display| io::Error::other(format!("the token file '{shown}': {why}"));
    let mut text = String::new();
    // NONBLOCK: a FIFO must not wait for a writer. A mounted Secret's file is a link.
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
        return Err(wrong(&"it holds no token"));
    }
    Ok(token.to_owned())
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "its socket is not there".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it closed the connection".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "it was silent".to_owned(),
        _ => error.to_string(),
    }
}

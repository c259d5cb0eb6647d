//! The threads that decide reviews, within limits on time and memory. Large and small reviews use separate lanes, each
//! with its own threads and memory. A large review waits only for other large reviews. A small review never waits for a large
//! review, and the threads for small reviews get more processor time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use axum::extract::Request;
use gleaner_runtime::http::{Bodies, Body, BodyError};
use gleaner_runtime::panics;
use http::header;
use tokio::sync::oneshot;

use crate::config::Limits;

/// The maximum size of a small review, in bytes. Almost all pods and Tasks are smaller.
const SMALL: usize = 64 << 10;
/// The number of threads for small reviews. It is low, because each review may use up to 15 MiB for its JSON trees, but usually
/// higher than the number of processors, so that a small review that takes 30 ms does not delay the start of other reviews.
const SMALL_THREADS: usize = 3;
/// The `nice` value of the thread for large reviews. If all processors are busy, this thread gets a third of the processor time
/// that a thread for small reviews gets.
const LARGE_NICE: i32 = 5;

/// The threads and the memory for small and large reviews, and the time limit for a decision.
#[derive(Debug)]
pub struct Lanes {
    small: Lane,
    large: Lane,
    deadline: Duration,
}

#[derive(Debug)]
struct Lane {
    bodies: Bodies,
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

/// The body of a review, and its lane. The body counts against the lane's memory until the review is decided.
#[derive(Debug)]
pub struct Arrived {
    body: Body,
    jobs: mpsc::Sender<Job>,
}

/// An error for a review that was not decided in time.
#[derive(Debug, thiserror::Error)]
#[error("the review was not completed within {within:?} (--decision-timeout)")]
pub struct Overdue {
    within: Duration,
}

impl Lanes {
    /// Starts the threads, which exit when the lanes are dropped.
    ///
    /// # Errors
    /// Fails if a thread cannot be started.
    pub fn start(limits: &Limits) -> io::Result<Self> {
        let (max, within) = (limits.http.max_body, limits.http.body_timeout);
        // Allow memory for one small body per connection, so that slow clients never delay other clients.
        let small = limits.http.max_connections * SMALL;
        Ok(Self {
            small: Lane {
                bodies: Bodies::with_room(max.min(SMALL), small, within),
                jobs: start(SMALL_THREADS, 0)?,
            },
            large: Lane {
                bodies: Bodies::new(max, within),
                jobs: start(1, LARGE_NICE)?,
            },
            deadline: limits.decision_timeout,
        })
    }

    /// Reads the body of a request into the memory of its lane. The Content-Length header determines the lane.
    ///
    /// # Errors
    /// Same as [`Bodies::read`].
    pub async fn read(&self, request: Request) -> Result<Arrived, BodyError> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let lane = match length {
            Some(length) if length <= SMALL => &self.small,
            _ => &self.large,
        };
        Ok(Arrived {
            body: lane.bodies.read(request).await?,
            jobs: lane.jobs.clone(),
        })
    }

    /// Runs `decide` on a thread of the body's lane. If `decide` exceeds the time limit, it continues, but its result is
    /// discarded. If `decide` has not started within the time limit, it is not called.
    ///
    /// # Errors
    /// Returns [`Overdue`] if the time limit passes, or if `decide` panics.
    pub async fn decide<T: Send + 'static>(
        &self,
        arrived: Arrived,
        decide: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let Arrived { body, jobs } = arrived;
        let (tell, told) = oneshot::channel();
        let job = move || {
            if !tell.is_closed() {
                // A panic does not terminate the thread. Only the request for this review fails, because its channel is closed.
                let decided = panics::catch(|| decide(&body.bytes));
                drop(body);
                let _ = decided.map(|decided| tell.send(decided));
            }
        };
        // Sending cannot fail, because the threads run as long as the lanes exist.
        let _ = jobs.send(Box::new(job));
        let within = self.deadline;
        match tokio::time::timeout(within, told).await {
            Ok(Ok(decided)) => Ok(decided),
            _ => Err(Overdue { within }),
        }
    }
}

/// Starts the threads of one lane. Lanes share no threads. The allocator retains memory for each thread that has decided on a
/// large review, so only one thread should do so.
fn start(threads: usize, nice: i32) -> io::Result<mpsc::Sender<Job>> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..threads {
        let queue = Arc::clone(&queue);
        let next = move || {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.recv().ok()
        };
        let work = move || {
            if nice > 0 {
                // On Linux, this call affects only the calling thread (setpriority(2), "C library/kernel differences"). The error
                // is ignored, because a sandbox may forbid the call.
                let _ = rustix::process::nice(nice);
            }
            while let Some(job) = next() {
                job();
            }
        };
        thread::Builder::new()
            .name("decisions".to_owned())
            .spawn(work)?;
    }
    Ok(jobs)
}

//! The threads that decide reviews, concurrently and within limits on time and memory. Large and small reviews have
//! separate threads and memory (lanes). A large review waits only for other large ones. A small review never waits for a
//! large one, and small reviews have priority on the processor.

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

/// The largest body that counts as small. Nearly all pods and Tasks are smaller.
const SMALL: usize = 64 << 10;
/// The number of small reviews that are decided concurrently; each may use up to 15 MiB for its trees. This is usually
/// more than the number of processors, so that a small review that takes 30 ms does not keep others from starting.
const SMALL_THREADS: usize = 3;
/// The `nice` value of the thread for large reviews: if all processors are busy, it gets a third of the processor share
/// of a thread for small reviews.
const LARGE_NICE: i32 = 5;

/// The lanes of an injector.
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

/// A review's body and the lane in which it is decided. The body's memory counts against the lane until the decision.
#[derive(Debug)]
pub struct Arrived {
    body: Body,
    jobs: mpsc::Sender<Job>,
}

/// A review that was not decided in time.
#[derive(Debug, thiserror::Error)]
#[error("the review was not decided within {within:?} (--decision-timeout)")]
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
        // There is memory for one small body per connection, so slow clients never make other clients wait.
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

    /// Reads the body of a request.
    ///
    /// # Errors
    /// Fails as [`Bodies::read`] does.
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

    /// Runs `decide` on a thread of the body's lane. If it takes too long, it continues but its result is discarded; if it
    /// has not started within the time limit, it is skipped.
    ///
    /// # Errors
    /// [`Overdue`] if there is no result in time.
    pub async fn decide<T: Send + 'static>(
        &self,
        arrived: Arrived,
        decide: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let Arrived { body, jobs } = arrived;
        let (tell, told) = oneshot::channel();
        let job = move || {
            if !tell.is_closed() {
                // A panic ends the decision, but not the lane. The waiting request notices that the channel is closed.
                let decided = panics::catch(|| decide(&body.bytes));
                drop(body);
                let _ = decided.map(|decided| tell.send(decided));
            }
        };
        // The threads exist as long as the lanes.
        let _ = jobs.send(Box::new(job));
        let within = self.deadline;
        match tokio::time::timeout(within, told).await {
            Ok(Ok(decided)) => Ok(decided),
            _ => Err(Overdue { within }),
        }
    }
}

/// Starts the threads of one lane. Lanes do not share threads, because a thread keeps memory that it has used.
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
                // On Linux this affects the calling thread only (setpriority(2), "C library/kernel differences"). The error
                // is ignored, because a sandbox may not allow the call.
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

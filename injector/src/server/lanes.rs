//! The threads that decide. Reviews are decided concurrently within limits on time and memory: a large one waits for
//! other large ones, and a small one waits for neither: it has its own threads and memory, and priority on the
//! processor.

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
/// The number of small reviews that are decided concurrently; each may take up to 15 MiB for its trees. Mostly more
/// than there are processors: a small one that takes 30 ms does not keep others from starting.
const SMALL_THREADS: usize = 3;
/// The `nice` value of the thread for large reviews: if processors are busy, it gets a third of the share of one for
/// small ones.
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

/// A body and the lane in which it is decided. It uses memory until the decision is made.
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
    /// Starts the threads, which end when the lanes are dropped.
    ///
    /// # Errors
    /// An error if a thread cannot be started.
    pub fn start(limits: &Limits) -> io::Result<Self> {
        let (max, within) = (limits.http.max_body, limits.http.body_timeout);
        // One for each connection: clients that send theirs slowly block no memory that another one waits for.
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
    /// As [`Bodies::read`].
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

    /// Decides on a thread of the body's lane. A decision that takes too long continues without a waiting client; one
    /// that has not started within that time is skipped.
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
                // A panic ends the decision, not the lane; the channel's end tells the waiting request.
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

/// Starts threads of one lane. They are separate, because a thread keeps memory that it has used.
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
                // For this thread only (setpriority(2), "C library/kernel differences"). A sandbox may refuse it.
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

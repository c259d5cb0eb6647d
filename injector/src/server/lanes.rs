//! The threads that decide. Reviews are decided next to each other within bounds on time and memory: a large one waits for
//! other large ones, and a small one waits for neither.

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
/// Small reviews that are decided at once; each may take some MiB for its trees.
const SMALL_THREADS: usize = 2;
/// Bodies of small reviews that are held at once, in units of [`SMALL`]; twice as many fit.
const SMALL_BODIES: usize = 16;

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

/// A body and the lane in which it is decided. It takes up room until the decision is made.
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
    /// A system that refuses a thread.
    pub fn start(limits: &Limits) -> io::Result<Self> {
        let lane = |bodies, threads| {
            Ok::<_, io::Error>(Lane {
                bodies: Bodies::new(bodies, limits.http.body_timeout),
                jobs: start(threads)?,
            })
        };
        let small = limits.http.max_body.min(SMALL_BODIES * SMALL);
        Ok(Self {
            small: lane(small, SMALL_THREADS)?,
            large: lane(limits.http.max_body, 1)?,
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

    /// Decides on a thread of the body's lane. A decision that takes too long continues without a waiting client; one that has
    /// not begun within that time is left out.
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
        // The threads are there as long as the lanes are.
        let _ = jobs.send(Box::new(job));
        let within = self.deadline;
        match tokio::time::timeout(within, told).await {
            Ok(Ok(decided)) => Ok(decided),
            _ => Err(Overdue { within }),
        }
    }
}

/// Starts threads of one lane. They are its own, for a thread keeps memory that it has used.
fn start(threads: usize) -> io::Result<mpsc::Sender<Job>> {
    let (jobs, queue) = mpsc::channel::<Job>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..threads {
        let queue = Arc::clone(&queue);
        let next = move || {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.recv().ok()
        };
        let work = move || {
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

//! The thread for long operations. It parses large messages and renders responses, one job at a time.
//!
//! All jobs run on the same thread, because allocators keep freed memory per thread; with many threads that would add up.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use gleaner_core::collect::problem;
use gleaner_proto::message::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// A thread for jobs, and the memory for the result of one job.
#[derive(Debug)]
pub struct Workbench {
    jobs: mpsc::Sender<Job>,
    place: Arc<Semaphore>,
}

impl Workbench {
    /// Starts the thread, which exits after the last job when the workbench is dropped.
    ///
    /// # Errors
    /// Fails if the operating system refuses another thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let work = move || {
            for job in queue {
                // The panic hook logs the panic, and the waiting request gets an error.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        };
        thread::Builder::new()
            .name("workbench".to_owned())
            .spawn(work)?;
        Ok(Self {
            jobs,
            place: Arc::new(Semaphore::new(1)),
        })
    }

    /// Waits for the memory of one job, which the caller holds until it drops the returned value.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.place).acquire_owned().await;
        place.map_err(|_| problem::ending())
    }

    /// Runs a job on the thread.
    ///
    /// # Errors
    /// A problem if the job panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The client may have disconnected.
            let _ = done.send(job());
        });
        let sent = self.jobs.send(job);
        sent.map_err(|_| problem::ending())?;
        result.await.map_err(|_| {
            problem::internal("the request could not be handled; this is a bug in Gleaner")
        })
    }
}

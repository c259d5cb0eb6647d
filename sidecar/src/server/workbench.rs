//! The thread for long operations. It parses large messages and renders responses, one job at a time.
//!
//! All jobs run on the same thread, because memory allocators retain freed memory per thread. With many threads, the retained
//! memory would add up.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use gleaner_core::collect::problem;
use gleaner_proto::message::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// A thread for jobs, and the memory for one job's result.
#[derive(Debug)]
pub struct Workbench {
    jobs: mpsc::Sender<Job>,
    place: Arc<Semaphore>,
}

impl Workbench {
    /// Starts the thread. After the workbench is dropped, the thread completes its jobs and exits.
    ///
    /// # Errors
    /// Fails if the operating system cannot start a thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let work = move || {
            for job in queue {
                // Ignore a panic, because the panic hook logs it, and the waiting request receives an error.
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

    /// Waits until the memory for a job is available, and reserves that memory until the returned permit is dropped.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let place = Arc::clone(&self.place).acquire_owned().await;
        place.map_err(|_| problem::ending())
    }

    /// Runs a job on the thread.
    ///
    /// # Errors
    /// Returns a problem if the job panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Ignore an error, which means that the client has disconnected.
            let _ = done.send(job());
        });
        let sent = self.jobs.send(job);
        sent.map_err(|_| problem::ending())?;
        result.await.map_err(|_| {
            problem::internal("the request could not be handled; this is a bug in Gleaner")
        })
    }
}

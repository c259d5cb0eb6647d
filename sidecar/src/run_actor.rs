//! The actor that owns the state of the run: the collector, the journal and the submission.
//!
//! The actor takes commands from a bounded queue, so it needs no locks. It examines each message, writes it to the journal and
//! accepts it before it takes the next command. Disk writes run on the blocking pool, one at a time. The submission is a separate
//! task, so that a panic in it fails the run but not the sidecar.

mod ending;
#[cfg(test)]
mod model;
mod plan;
mod submitting;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gleaner_core::results::Room;
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, OwnResults, Phase, Problem};
use gleaner_termination::Size;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::crash_point;
use crate::journal::{Journal, Record};
use crate::metrics::Metrics;
use crate::traces::Traces;
use ending::Unrecorded;
use gleaner_core::collect::problem;
use gleaner_core::collect::{Collector, Examined, Message, Verdict};
use submitting::Submit;
pub use submitting::Submitting;

/// The maximum number of queued commands. If the queue is full, clients wait.
const QUEUE: usize = 64;

type Reply = oneshot::Sender<Result<Outcome, Problem>>;

#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// A copy of the run's state for readers.
#[derive(Debug)]
pub struct Snapshot {
    /// The version of the state, which increases with each change.
    pub version: u64,
    pub phase: Phase,
    /// The state. Large values are shared with the actor's state.
    pub state: Collector,
}

#[derive(Debug)]
enum Command {
    Outputs {
        step: String,
        message: Message,
        body: Bytes,
        own_results: OwnResults,
        reply: Reply,
    },
    Submit {
        reply: Reply,
    },
    Finish {
        own_results: OwnResults,
        reply: Reply,
    },
    Note {
        note: String,
    },
}

/// The actor that owns the state of the run.
pub struct RunActor {
    collector: Collector,
    journal: Arc<std::sync::Mutex<Journal>>,
    submitting: Box<dyn Submit>,
    state_dir: PathBuf,
    commands: mpsc::Receiver<Command>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// The space for results, if they are passed in termination messages.
    room: Option<Room>,
    waiting: Vec<Waiting>,
    submission: Option<JoinHandle<submitting::Ended>>,
    /// The outcome of the submission, until it is recorded in the journal.
    unrecorded: Option<Unrecorded>,
    /// The task that creates the Events about the latest outcome.
    telling: Option<JoinHandle<()>>,
    metrics: Metrics,
    traces: Traces,
}

/// A client that waits until the submission finishes.
#[derive(Debug)]
struct Waiting {
    client: Client,
    reply: Reply,
}

/// The response that a waiting client expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// The outcome of the submission.
    Step,
    /// The outcome of the submission, with results that fit into the step's termination message.
    Finish,
}

// === impl Handle ===

impl Handle {
    /// Passes a step's message to the actor. `body` contains the original bytes of the message, and is retained until the message
    /// is on disk or refused.
    ///
    /// # Errors
    /// Returns the reason why the message was refused, or the reason why the submission failed, if the client waited for it.
    pub async fn outputs(
        &self,
        step: String,
        message: Message,
        body: Bytes,
        own_results: OwnResults,
    ) -> Result<Outcome, Problem> {
        self.ask(|reply| Command::Outputs {
            step,
            message,
            body,
            own_results,
            reply,
        })
        .await?
    }

    /// Requests the submission and waits until it finishes.
    ///
    /// # Errors
    /// Returns the unresolved variables, or the reason why the submission failed.
    pub async fn submit(&self) -> Result<Outcome, Problem> {
        self.ask(|reply| Command::Submit { reply }).await?
    }

    /// Reports that all steps have finished, and waits for the outcome.
    ///
    /// # Errors
    /// Returns the reason why the resources do not exist.
    pub async fn finish(&self, own_results: OwnResults) -> Result<Outcome, Problem> {
        self.ask(|reply| Command::Finish { own_results, reply })
            .await?
    }

    /// Adds a note for users to the status.
    pub async fn note(&self, note: String) {
        // If the actor has exited, the note is dropped.
        let _ = self.commands.send(Command::Note { note }).await;
    }

    /// Returns a receiver for the latest snapshot, which is replaced whenever the state changes.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| problem::ending())?;
        answer.await.map_err(|_| problem::ending())
    }
}

// === impl Snapshot ===

impl Snapshot {
    fn of(collector: &Collector, version: u64) -> Self {
        Self {
            version,
            phase: collector.phase(),
            state: collector.clone(),
        }
    }
}

// === impl RunActor ===

impl RunActor {
    /// Returns the actor for a `collector` in which the journal has been replayed, and a handle to the actor.
    pub fn new(
        collector: Collector,
        journal: Journal,
        submitting: Submitting,
        room: Option<Room>,
        state_dir: PathBuf,
        metrics: Metrics,
    ) -> (Self, Handle) {
        let submitting = Box::new(submitting);
        Self::with(collector, journal, submitting, room, state_dir, metrics)
    }

    fn with(
        collector: Collector,
        journal: Journal,
        submitting: Box<dyn Submit>,
        room: Option<Room>,
        state_dir: PathBuf,
        metrics: Metrics,
    ) -> (Self, Handle) {
        let (sender, commands) = mpsc::channel(QUEUE);
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::of(&collector, 0)));
        let actor = Self {
            collector,
            journal: Arc::new(std::sync::Mutex::new(journal)),
            submitting,
            state_dir,
            commands,
            snapshots,
            room,
            waiting: Vec::new(),
            submission: None,
            unrecorded: None,
            telling: None,
            metrics,
            traces: Traces::default(),
        };
        (
            actor,
            Handle {
                commands: sender,
                snapshots: receiver,
            },
        )
    }

    /// Returns the actor, which records the run in `traces`.
    pub(crate) fn traced(mut self, traces: Traces) -> Self {
        self.traces = traces;
        self
    }

    /// Runs until every [`Handle`] is dropped, no submission is in progress, and the last outcome is recorded and reported as
    /// Events.
    pub async fn run(mut self) {
        self.begin_submission().await;
        loop {
            let is_idle = self.submission.is_none() && self.unrecorded.is_none();
            tokio::select! {
                ended = submitting::ended(&mut self.submission) => self.end_submission(ended).await,
                unrecorded = ending::due(&mut self.unrecorded) => self.record(unrecorded.ending).await,
                command = self.commands.recv(), if is_idle || !self.is_abandoned() => match command {
                    Some(command) => self.obey(command).await,
                    None if is_idle => break,
                    None => {}
                },
            }
        }
        // Wait for the Events, because the process exits after this task.
        if let Some(telling) = self.telling {
            let _ = telling.await;
        }
    }

    /// Returns true if no commands are queued and no client can send more.
    fn is_abandoned(&self) -> bool {
        self.commands.is_closed() && self.commands.is_empty()
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Outputs {
                step,
                message,
                body,
                own_results,
                reply,
            } => {
                self.take_own_results(own_results);
                let start = self.traces.start();
                let taken = self.take_outputs(&step, message, body).await;
                self.traces.collected(&step, start, taken.as_ref().err());
                match taken {
                    // The message is accepted even if the outputs of a different step made the run fail.
                    Ok(Verdict::Settled) => {
                        let _ = reply.send(Ok(self.collector.receipt()));
                    }
                    taken => self.answer(taken, Client::Step, reply),
                }
            }
            Command::Submit { reply } => {
                let taken = match self.collector.examine_request() {
                    Ok(true) => self.take_request().await,
                    Ok(false) => Ok(Verdict::AwaitCommit),
                    Err(problem) => Err(problem),
                };
                self.answer(taken, Client::Step, reply);
            }
            Command::Finish { own_results, reply } => {
                self.take_own_results(own_results);
                let taken = self.take_finish().await;
                self.answer(taken, Client::Finish, reply);
            }
            Command::Note { note } => {
                self.collector.note(note);
                self.publish();
            }
        }
    }

    async fn take_outputs(
        &mut self,
        step: &str,
        message: Message,
        body: Bytes,
    ) -> Result<Verdict, Problem> {
        let examined = self.collector.examine(step, message);
        let examined = examined.and_then(|new| self.collector.within_memory(new, body.len()));
        let admission = match examined {
            Ok(Examined::New(admission)) => admission,
            Ok(Examined::Repeated(verdict)) => return Ok(verdict),
            Err(refusal) => {
                let problem = Problem::from(refusal);
                self.metrics.refused(&problem.kind);
                tracing::warn!(step, problem = %problem.detail, "outputs-refused");
                return Err(problem);
            }
        };
        crash_point::reach(&self.state_dir, "accepted");
        let bytes = body.len();
        let written = self.write_outputs(admission.step().clone(), body).await;
        written.map_err(|error| disk(&error))?;
        crash_point::reach(&self.state_dir, "journaled");
        let message = admission.message();
        let (exit_code, outputs) = (message.exit_code, message.outputs.len());
        let verdict = self.collector.accept(admission);
        self.metrics.accepted(bytes);
        tracing::info!(
            step,
            outputs,
            bytes,
            exit_code,
            pending = self.collector.pending().count(),
            "outputs-accepted"
        );
        self.changed().await;
        Ok(verdict)
    }

    async fn take_request(&mut self) -> Result<Verdict, Problem> {
        let written = self.write(Record::SubmissionRequested).await;
        written.map_err(|error| disk(&error))?;
        let verdict = self.collector.request_submission();
        self.changed().await;
        Ok(verdict)
    }

    async fn take_finish(&mut self) -> Result<Verdict, Problem> {
        // Write the record only once, so that a client that repeats its request cannot fill the disk.
        if !self.collector.is_finished() {
            let written = self.write(Record::Finished).await;
            written.map_err(|error| disk(&error))?;
            tracing::info!(pending = self.collector.pending().count(), "run-finished");
        }
        let verdict = self.collector.finish();
        self.changed().await;
        Ok(verdict)
    }

    /// Stores how much space the step's own results use in its termination message.
    fn take_own_results(&mut self, own_results: OwnResults) {
        if let (Some(room), Some(plain)) = (&mut self.room, own_results.result_bytes) {
            room.taken = Size {
                plain,
                compressed: own_results.compressed_result_bytes,
            };
        }
    }

    fn answer(&mut self, taken: Result<Verdict, Problem>, client: Client, reply: Reply) {
        let answer = match taken {
            Ok(Verdict::AwaitCommit) if self.collector.is_submitting() => {
                // Forget disconnected clients. They repeat their requests, which arrive as new commands.
                self.waiting.retain(|waiting| !waiting.reply.is_closed());
                self.waiting.push(Waiting { client, reply });
                return;
            }
            Ok(_) => self.outcome(client),
            Err(problem) => Err(problem),
        };
        let _ = reply.send(answer);
    }

    fn outcome(&mut self, client: Client) -> Result<Outcome, Problem> {
        let mut outcome = self.collector.outcome()?;
        if let (Client::Finish, Some(room)) = (client, self.room) {
            let fitted = room.fit(self.collector.declaration(), &mut outcome.results);
            let notes = fitted.map_err(|error| submitting::results_do_not_fit(&error, true))?;
            for note in &notes {
                tracing::warn!(note, "result-field-left-out");
                self.collector.note(note.clone());
            }
            outcome.notes.extend(notes);
            self.publish();
        }
        Ok(outcome)
    }

    /// Starts the submission if it is due, and publishes the changed state.
    async fn changed(&mut self) {
        self.begin_submission().await;
        self.publish();
    }

    async fn begin_submission(&mut self) {
        let is_due = self.collector.is_submitting()
            && self.submission.is_none()
            && self.unrecorded.is_none();
        if !is_due {
            return;
        }
        if let Err(problem) = self.reserve().await {
            if self.submitting.is_first() {
                let ended = submitting::Ended::failed(problem, &[]);
                self.end_submission(ended).await;
                return;
            }
            // Submit anyway, because an earlier process may have created objects. They must be found or rolled back, even if the
            // outcome cannot be recorded.
            tracing::warn!(problem = %problem.detail, "room-not-reserved");
        }
        self.traces.submitting();
        let begun = self
            .submitting
            .begin(&self.collector, self.room, &self.journal);
        self.submission = Some(begun);
    }

    fn publish(&self) {
        let version = self.snapshots.borrow().version + 1;
        let snapshot = Snapshot::of(&self.collector, version);
        self.metrics.phase(snapshot.phase);
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    async fn write_outputs(&self, step: StepName, body: Bytes) -> std::io::Result<()> {
        self.on_disk(move |journal| journal.append_outputs(&step, &body))
            .await
    }

    async fn write(&self, record: Record) -> std::io::Result<()> {
        self.on_disk(move |journal| journal.append(&record)).await
    }

    async fn on_disk(
        &self,
        write: impl FnOnce(&mut Journal) -> std::io::Result<()> + Send + 'static,
    ) -> std::io::Result<()> {
        on_disk(Arc::clone(&self.journal), write).await
    }
}

/// Runs `write`, which writes to the journal, on the blocking pool.
async fn on_disk(
    journal: Arc<std::sync::Mutex<Journal>>,
    write: impl FnOnce(&mut Journal) -> std::io::Result<()> + Send + 'static,
) -> std::io::Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        let mut journal = journal
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        write(&mut journal)
    });
    // The join error is dropped, because it contains the panic's message, which may quote a secret.
    written
        .await
        .unwrap_or_else(|_| Err(std::io::Error::other("the journal's writer panicked")))
}

fn disk(error: &std::io::Error) -> Problem {
    problem::internal(format!(
        "nothing was accepted, because the journal could not be written: {error}; free up space on the journal's volume \
         (--state-dir), and retry"
    ))
}

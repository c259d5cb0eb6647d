//! The actor that owns the state of the run: the collector, the journal and the submission.
//!
//! The actor takes one command at a time from a bounded queue, so it needs no locks. It examines each message, writes it to the
//! journal and accepts it before it takes the next command. Disk writes run on the blocking pool, one at a time. The submission
//! is a separate task, so that a panic fails the run but does not terminate the sidecar.

mod activity;
mod ending;
mod handle;
#[cfg(test)]
mod model;
mod plan;
mod submitting;
mod timeline;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gleaner_core::results::Room;
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, OwnResults, Phase, Problem, Status};
use gleaner_termination::Size;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::crash_point;
use crate::journal::{Journal, Record};
use crate::metrics::Metrics;
use crate::traces::Traces;
use activity::Activity;
use ending::Unrecorded;
use gleaner_core::collect::problem;
use gleaner_core::collect::{Collector, Examined, Message, Verdict};
pub use handle::Handle;
use submitting::Submit;
pub use submitting::Submitting;
pub use timeline::StepReport;
use timeline::Timeline;

/// The maximum number of queued commands. If the queue is full, clients wait.
const QUEUE: usize = 64;

type Reply = oneshot::Sender<Result<Outcome, Problem>>;

/// A copy of the run's state for readers.
#[derive(Debug)]
pub struct Snapshot {
    /// The version of the state, which increases with each change.
    pub version: u64,
    /// The version of the first snapshot with the same `state`. Later snapshots differ only in times and progress, which only the
    /// status shows.
    pub content: u64,
    pub phase: Phase,
    /// The state. Large values are shared with the actor's state.
    pub state: Collector,
    timeline: Timeline,
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
    Report {
        step: StepName,
        report: StepReport,
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
    timeline: Timeline,
    journal: Arc<std::sync::Mutex<Journal>>,
    submitting: Box<dyn Submit>,
    /// The progress of the submission.
    activity: watch::Receiver<Activity>,
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

// === impl Snapshot ===

impl Snapshot {
    fn of(collector: &Collector, timeline: &Timeline, version: u64, content: u64) -> Self {
        Self {
            version,
            content,
            phase: collector.phase(),
            state: collector.clone(),
            timeline: timeline.clone(),
        }
    }

    /// Returns the status of the run, with its times and the progress of the submission.
    pub fn status(&self) -> Status {
        let mut status = self.state.status();
        self.timeline.complete(&mut status);
        status
    }
}

// === impl RunActor ===

impl RunActor {
    /// Returns the actor for `collector`, and a handle to the actor. The caller has already replayed the journal into
    /// `collector`.
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
        let timeline = Timeline::new(&collector, submitting.api_server());
        let first = Snapshot::of(&collector, &timeline, 0, 0);
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        let actor = Self {
            collector,
            timeline,
            activity: submitting.activity(),
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
        (actor, Handle::new(sender, receiver))
    }

    /// Makes the actor record the run in `traces`.
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
                () = activity::changed(&mut self.activity) => {
                    self.timeline.update(&mut self.activity);
                    self.publish_timeline();
                }
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
                // The name of an unknown step is text from the client, which a span must not contain.
                if self.collector.steps().any(|known| known.as_str() == step) {
                    self.traces.collected(&step, start, taken.as_ref().err());
                }
                match taken {
                    // The message is accepted even if the outputs of a different step made the run fail.
                    Ok(Verdict::Settled) => {
                        let _ = reply.send(Ok(self.collector.receipt()));
                    }
                    taken => self.answer(taken, Client::Step, reply),
                }
            }
            Command::Report { step, report } => {
                if self.timeline.report(&step, report) {
                    self.publish_timeline();
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
        self.timeline.finish(admission.step());
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

    /// Stores how much space the step's own results use in the step's termination message.
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

    /// Publishes the state after the collector has changed.
    fn publish(&mut self) {
        let version = self.snapshots.borrow().version + 1;
        let phase = self.collector.phase();
        self.timeline.enter(phase);
        self.metrics.phase(phase);
        self.send(version, version);
    }

    /// Publishes the state after only the timeline has changed.
    fn publish_timeline(&self) {
        let (version, content) = {
            let last = self.snapshots.borrow();
            (last.version + 1, last.content)
        };
        self.send(version, content);
    }

    fn send(&self, version: u64, content: u64) {
        let snapshot = Snapshot::of(&self.collector, &self.timeline, version, content);
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

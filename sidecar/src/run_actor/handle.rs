//! The handle through which the sidecar's server sends commands to the run actor.

use std::sync::Arc;

use bytes::Bytes;
use gleaner_core::collect::{Message, problem};
use gleaner_proto::StepName;
use gleaner_proto::message::{Outcome, OwnResults, Problem};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Command, Snapshot, StepReport};

/// A handle to the actor. The actor exits when all handles are dropped.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Handle {
    pub(super) const fn new(
        commands: mpsc::Sender<Command>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        Self {
            commands,
            snapshots,
        }
    }

    /// Passes a step's message to the actor. `body` contains the original bytes of the message, and is retained until the message
    /// is on disk or refused.
    ///
    /// # Errors
    /// Returns a problem if the message is refused, or if the submission that the client waits for fails.
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

    /// Passes a step's report on itself to the actor. The report changes only the step's entry in the status.
    pub async fn report(&self, step: StepName, report: StepReport) {
        // If the actor has exited, the report is dropped.
        let _ = self.commands.send(Command::Report { step, report }).await;
    }

    /// Requests the submission and waits until it finishes.
    ///
    /// # Errors
    /// Returns a problem that lists the unresolved variables or states why the submission failed.
    pub async fn submit(&self) -> Result<Outcome, Problem> {
        self.ask(|reply| Command::Submit { reply }).await?
    }

    /// Reports that all steps have finished, and waits for the outcome.
    ///
    /// # Errors
    /// Returns a problem that states why the resources do not exist.
    pub async fn finish(&self, own_results: OwnResults) -> Result<Outcome, Problem> {
        self.ask(|reply| Command::Finish { own_results, reply })
            .await?
    }

    /// Adds a note to the status, for users.
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

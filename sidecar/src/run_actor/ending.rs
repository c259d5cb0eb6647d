//! Handles the outcome of a submission, which is recorded before it is reported to waiting clients.

mod record;

pub(super) use record::room;

use std::time::Duration;

use gleaner_proto::message::Problem;
use tokio::time::Instant;

use super::submitting::{Ended, Ending};
use super::{RunActor, Waiting};
use crate::crash_point;
use crate::journal::Record;

/// The interval between two attempts to record the outcome, if the journal cannot be written.
const ENDING_PAUSE: Duration = Duration::from_secs(1);

/// An outcome that is not recorded in the journal yet.
pub(super) struct Unrecorded {
    pub(super) ending: Ending,
    /// The time of the next attempt to record the outcome.
    due: Instant,
}

impl RunActor {
    /// Reserves space for the record of the outcome, so that the outcome can be recorded even if the disk becomes full while
    /// objects are created. Without the record, a restarted sidecar would not know the outcome.
    pub(super) async fn reserve(&self) -> Result<(), Problem> {
        if self.collector.declaration().templates.is_empty() {
            return Ok(());
        }
        let declaration = self.collector.declaration();
        // After a restart, the journal already contains the plan, which the first process wrote to the reserved space.
        let plan = match self.submitting.is_first() {
            true => record::room_of_plan(declaration),
            false => 0,
        };
        let room = record::room(declaration) + plan;
        let reserved = self.on_disk(move |journal| journal.reserve(room)).await;
        reserved.map_err(|error| record::no_room(room, &error))
    }

    pub(super) async fn end_submission(&mut self, Ended { ending, notices }: Ended) {
        self.submission = None;
        // Create the Events even if the outcome cannot be recorded, because the objects were created or deleted in any case.
        self.telling = self.submitting.tell(notices);
        let room = record::room(self.collector.declaration());
        self.traces.submitted(ending.as_ref().err());
        let ending = record::shortened(ending, room);
        match &ending {
            Ok(commit) => {
                let resources = commit.outcome.resources.iter();
                let names: Vec<&str> = resources.map(|created| created.name.as_str()).collect();
                tracing::info!(resources = ?names, "committed");
            }
            Err(problem) => tracing::error!(problem = %problem.detail, "not-created"),
        }
        self.record(ending).await;
    }

    /// Records the outcome of the run, then reports it. Until the outcome is recorded, waiting clients are told to retry, because
    /// if the sidecar restarted now, it would not know the outcome.
    pub(super) async fn record(&mut self, ending: Ending) {
        let record = Record::from(ending.clone());
        let written = self.on_disk(move |journal| journal.append_ending(&record));
        if let Err(error) = written.await {
            tracing::error!(%error, "journal-not-written");
            for Waiting { reply, .. } in std::mem::take(&mut self.waiting) {
                let _ = reply.send(Err(record::unrecorded(&error)));
            }
            let due = Instant::now() + ENDING_PAUSE;
            self.unrecorded = Some(Unrecorded { ending, due });
            return;
        }
        let submitting = self.collector.submitting();
        let submitting =
            submitting.expect("invariant: a submission ends while the collector is submitting");
        match ending {
            Ok(commit) => {
                submitting.commit(commit.outcome, commit.attempts);
                self.metrics.submitted("committed");
            }
            Err(problem) => {
                submitting.fail(problem);
                self.metrics.submitted("failed");
            }
        }
        crash_point::reach(&self.state_dir, "outcome-journaled");
        for Waiting { client, reply } in std::mem::take(&mut self.waiting) {
            let _ = reply.send(self.outcome(client));
        }
        self.publish();
    }
}

/// Waits until the next attempt to record the outcome is due. Waits forever if there is no unrecorded outcome.
pub(super) async fn due(unrecorded: &mut Option<Unrecorded>) -> Unrecorded {
    if let Some(waiting) = unrecorded {
        tokio::time::sleep_until(waiting.due).await;
    }
    match unrecorded.take() {
        Some(due) => due,
        None => std::future::pending().await,
    }
}

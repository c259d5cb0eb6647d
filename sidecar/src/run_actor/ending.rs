//! The end of a submission, from its result to those who wait for it: recorded first, told then.

mod record;

pub(super) use record::room;

use std::time::Duration;

use gleaner_proto::message::Problem;
use tokio::time::Instant;

use super::submitting::{Ended, Ending};
use super::{RunActor, Waiting};
use crate::crash_point;
use crate::journal::Record;

/// The interval between two attempts to write the end of a run to a disk that refuses it.
const ENDING_PAUSE: Duration = Duration::from_secs(1);

/// An ending that the journal does not have yet.
pub(super) struct Unrecorded {
    pub(super) ending: Ending,
    /// The time of the next attempt to write it.
    due: Instant,
}

impl RunActor {
    /// Makes room for the record of the ending. Without it, a disk that fills up while objects are created would leave a run whose
    /// end a restarted sidecar does not know.
    pub(super) async fn reserve(&self) -> Result<(), Problem> {
        if self.collector.declaration().templates.is_empty() {
            return Ok(());
        }
        let declaration = self.collector.declaration();
        // A restarted sidecar has its plan already, in the room of the first.
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
        // Told at once: what was created or deleted is so, whether it can be recorded or not.
        self.telling = self.submitting.tell(notices);
        let room = record::room(self.collector.declaration());
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

    /// Writes the outcome of the run, then reports it. No client learns what a restarted sidecar would not know: until it is written,
    /// all who wait are to ask again.
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

/// The ending whose time to be written has come; never, when there is none.
pub(super) async fn due(unrecorded: &mut Option<Unrecorded>) -> Unrecorded {
    if let Some(waiting) = unrecorded {
        tokio::time::sleep_until(waiting.due).await;
    }
    match unrecorded.take() {
        Some(due) => due,
        None => std::future::pending().await,
    }
}

//! A sidecar process: the run actor and its submission.

use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::comparison::recovered;
use super::reference::Submit;
use super::submitter::{Order, Submissions};
use crate::journal::{Journal, Record};
use crate::metrics::Metrics;
use crate::run_actor::{Handle, RunActor};

pub(super) struct Process {
    pub(super) handle: Handle,
    actor: JoinHandle<()>,
    pub(super) submissions: Submissions,
}

// === impl Process ===

impl Process {
    pub(super) fn start(submit: Submit, journal: Journal, records: Vec<Record>) -> Self {
        let (collector, plans) = recovered(submit, records);
        let submissions = Submissions {
            resumes: plans > 0,
            ..Submissions::default()
        };
        let submitting = Box::new(submissions.clone());
        let (room, state_dir, metrics) = (None, PathBuf::new(), Metrics::default());
        let (actor, handle) =
            RunActor::with(collector, journal, submitting, room, state_dir, metrics);
        Self {
            handle,
            actor: tokio::spawn(actor.run()),
            submissions,
        }
    }

    pub(super) fn order(&self, order: Order) {
        let state = self.submissions.state.lock().unwrap();
        state.orders.as_ref().unwrap().send(order).unwrap();
    }

    pub(super) fn begun(&self) -> usize {
        self.submissions.state.lock().unwrap().begun
    }

    pub(super) async fn stop(self) {
        self.actor.abort();
        if let Some(task) = self.submissions.state.lock().unwrap().task.take() {
            task.abort();
        }
        let ended = self.actor.await;
        assert!(
            ended.is_err_and(|error| error.is_cancelled()),
            "the actor must be canceled"
        );
    }
}

//! The progress of the running submission, which is part of the status.

use std::collections::BTreeMap;

use gleaner_proto::message::{Created, Status, SubmissionStage, WaitStatus};
use gleaner_submission::Progress;
use tokio::sync::watch;

use super::timeline::now;

/// The progress of the running submission.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    stage: Option<SubmissionStage>,
    /// The conditions that the submission waits for, by resource.
    waits: BTreeMap<String, WaitStatus>,
    /// The objects that the submission has created so far, by resource. Empty after a rollback begins.
    created: BTreeMap<String, Created>,
}

/// Waits until a submission reports progress. Never returns if the sender has been dropped.
pub(super) async fn changed(activity: &mut watch::Receiver<Activity>) {
    if activity.changed().await.is_err() {
        std::future::pending().await
    }
}

impl Activity {
    /// Records an event of the submission. Returns true if the event changes the status.
    pub(super) fn pass(&mut self, progress: Progress<'_>) -> bool {
        match progress {
            Progress::DryRun => {
                *self = Self::default();
                self.stage = Some(SubmissionStage::Checking);
            }
            Progress::DryRunDone => {
                self.waits.clear();
                self.stage = Some(SubmissionStage::Creating);
            }
            Progress::Created { created, .. } => {
                let resource = created.resource.clone();
                self.waits.remove(&resource);
                self.created.insert(resource, created.clone());
            }
            Progress::Waiting => self.stage = Some(SubmissionStage::Waiting),
            Progress::Awaiting {
                resource,
                kind,
                message,
            } => {
                let known = self.waits.get(resource.as_str());
                let known = known.filter(|known| known.kind == kind);
                if known.is_some_and(|known| known.message == message) {
                    return false;
                }
                let wait = WaitStatus {
                    resource: resource.to_string(),
                    kind,
                    message: message.to_owned(),
                    since: known.map_or_else(now, |known| known.since.clone()),
                };
                self.waits.insert(resource.to_string(), wait);
            }
            Progress::Awaited { resource } => {
                return self.waits.remove(resource.as_str()).is_some();
            }
            Progress::RollingBack => {
                self.waits.clear();
                self.created.clear();
                self.stage = Some(SubmissionStage::RollingBack);
            }
            _ => return false,
        }
        true
    }

    /// Adds the progress to `status`, whose phase is [`Submitting`](gleaner_proto::message::Phase::Submitting).
    pub(super) fn complete(&self, status: &mut Status) {
        status.stage = self.stage;
        // List the waits in the order in which the declaration lists the resources.
        for known in &mut status.resources {
            let wait = self.waits.get(&known.resource);
            status.waits.extend(wait.cloned());
            if let Some(created) = self.created.get(&known.resource) {
                known.name = Some(created.name.clone());
                known.uid = Some(created.uid.clone());
            }
        }
    }
}

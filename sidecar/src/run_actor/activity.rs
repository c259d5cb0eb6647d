//! The progress of the running submission, for users.

use std::collections::BTreeMap;

use gleaner_proto::message::{Created, Status, SubmissionStage, WaitStatus};
use gleaner_submission::Progress;

use super::timeline::now;
use tokio::sync::watch;

/// The progress of the running submission.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    stage: Option<SubmissionStage>,
    /// The current waits, by resource.
    waits: BTreeMap<String, WaitStatus>,
    /// The objects that exist.
    created: Vec<Created>,
}

/// Waits for progress; forever if no further submission can report any.
pub(super) async fn changed(activity: &mut watch::Receiver<Activity>) {
    if activity.changed().await.is_err() {
        std::future::pending().await
    }
}

impl Activity {
    /// Records a moment of the submission. Returns true if users see a difference.
    pub(super) fn pass(&mut self, progress: Progress<'_>) -> bool {
        match progress {
            Progress::DryRun => {
                *self = Self::default();
                self.enter(SubmissionStage::Checking)
            }
            Progress::DryRunDone => {
                self.waits.clear();
                self.enter(SubmissionStage::Creating)
            }
            Progress::Created { created, .. } => {
                self.waits.remove(&created.resource);
                self.created.push(created.clone());
                true
            }
            Progress::Waiting => self.enter(SubmissionStage::Waiting),
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
                true
            }
            Progress::Awaited { resource } => self.waits.remove(resource.as_str()).is_some(),
            Progress::RollingBack => {
                self.waits.clear();
                self.created.clear();
                self.enter(SubmissionStage::RollingBack)
            }
            _ => false,
        }
    }

    fn enter(&mut self, stage: SubmissionStage) -> bool {
        self.stage = Some(stage);
        true
    }

    /// Adds the progress to the status of a run that is submitting.
    pub(super) fn complete(&self, status: &mut Status) {
        status.stage = self.stage;
        // In the order of the declaration.
        let waits = status.resources.iter();
        let waits = waits.filter_map(|one| self.waits.get(&one.resource).cloned());
        status.waits = waits.collect();
        for created in &self.created {
            let mut resources = status.resources.iter_mut();
            if let Some(known) = resources.find(|known| known.resource == created.resource) {
                known.name = Some(created.name.clone());
                known.uid = Some(created.uid.clone());
            }
        }
    }
}

//! The times of a run and the progress of its submission, which are part of the status. They are not in the journal, so a
//! restarted sidecar reports only what happened after its restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use gleaner_core::collect::Collector;
use gleaner_proto::StepName;
use gleaner_proto::message::{Phase, Status, StepFailure, StepState};
use jiff::Timestamp;
use tokio::sync::watch;

use super::activity::Activity;

/// The times and the progress of a run. A clone is cheap.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// The URL of the API server.
    api_server: Option<String>,
    phase: Phase,
    since: String,
    steps: Arc<BTreeMap<StepName, Times>>,
    activity: Arc<Activity>,
}

#[derive(Debug, Clone, Default)]
struct Times {
    started: Option<String>,
    finished: Option<String>,
    /// The failure that the step has reported.
    failure: Option<StepFailure>,
}

/// A step's report on itself.
#[derive(Debug, Clone, Copy)]
pub enum StepReport {
    /// The step's command is about to start.
    Started,
    /// The step failed without posting its outputs, for example because a file is missing.
    Failed(StepFailure),
}

/// Returns the current time in RFC 3339 format, without fractions of a second.
pub(super) fn now() -> String {
    let seconds = Timestamp::now().as_second();
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

impl Timeline {
    pub(super) fn new(collector: &Collector, api_server: Option<String>) -> Self {
        Self {
            api_server,
            phase: collector.phase(),
            since: now(),
            steps: Arc::default(),
            activity: Arc::default(),
        }
    }

    /// Records a step's report. If a step starts again, its previous times and failure are removed. If the report only
    /// repeats an earlier report, changes nothing and returns false.
    pub(super) fn report(&mut self, step: &StepName, report: StepReport) -> bool {
        let times = Arc::make_mut(&mut self.steps);
        let times = times.entry(step.clone()).or_default();
        match report {
            StepReport::Started if times.started.is_some() && times.finished.is_none() => {
                return false;
            }
            StepReport::Started => {
                *times = Times {
                    started: Some(now()),
                    ..Times::default()
                };
            }
            StepReport::Failed(_) if times.finished.is_some() => return false,
            StepReport::Failed(failure) => {
                times.finished = Some(now());
                times.failure = Some(failure);
            }
        }
        true
    }

    /// Records that the outputs of a step arrived.
    pub(super) fn finish(&mut self, step: &StepName) {
        let times = Arc::make_mut(&mut self.steps);
        let times = times.entry(step.clone()).or_default();
        times.finished = Some(now());
        times.failure = None;
    }

    /// Records the current phase and, if the phase has changed, the time.
    pub(super) fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            (self.phase, self.since) = (phase, now());
        }
    }

    /// Records the newest progress of the submission.
    pub(super) fn update(&mut self, activity: &mut watch::Receiver<Activity>) {
        self.activity = Arc::new(activity.borrow_and_update().clone());
    }

    /// Adds the times and the progress to `status`.
    pub(super) fn complete(&self, status: &mut Status) {
        status.run.api_server.clone_from(&self.api_server);
        status.since = Some(self.since.clone());
        for step in &mut status.steps {
            let Some(times) = self.steps.get(step.name.as_str()) else {
                continue;
            };
            step.started.clone_from(&times.started);
            step.finished.clone_from(&times.finished);
            match times.failure {
                _ if step.state != StepState::Waiting => {}
                Some(failure) => {
                    step.state = StepState::Failed;
                    step.exit_code = Some(failure.exit_code.into());
                }
                None if times.started.is_some() => step.state = StepState::Running,
                None => {}
            }
        }
        if status.phase == Phase::Submitting {
            self.activity.complete(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use gleaner_core::declaration::{Declaration, Scope};
    use gleaner_core::render::Values;
    use gleaner_core::run::Run;

    use super::*;
    use crate::journal::Journal;
    use crate::metrics::Metrics;
    use crate::run_actor::{RunActor, Submitting};
    use crate::traces::Traces;

    #[tokio::test]
    async fn a_started_step_does_not_change_the_content_of_a_snapshot() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let text = "steps: {build: [{name: digest}]}\nsubmit: Manual\n";
        let declaration = Declaration::parse(text, &Scope::default()).unwrap();
        let collector = Collector::new(declaration, Run::default(), Values::default(), []);
        let (journal, _) = Journal::open(path, b"run").unwrap();
        let submitting = Submitting::new(None, None, path.into(), Vec::new(), Traces::default());
        let (actor, handle) = RunActor::new(
            collector,
            journal,
            submitting,
            None,
            path.into(),
            Metrics::default(),
        );
        tokio::spawn(actor.run());
        let mut snapshots = handle.snapshots();
        let mut versions = async || {
            snapshots.changed().await.unwrap();
            let snapshot = snapshots.borrow_and_update();
            (snapshot.version, snapshot.content)
        };
        handle
            .report(StepName::new("build").unwrap(), StepReport::Started)
            .await;
        assert_eq!(versions().await, (1, 0));
        handle.note("a note".to_owned()).await;
        assert_eq!(versions().await, (2, 2));
        handle
            .report(StepName::new("other").unwrap(), StepReport::Started)
            .await;
        assert_eq!(versions().await, (3, 2));
    }
}

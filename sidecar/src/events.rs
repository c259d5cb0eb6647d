//! Kubernetes Events about the result of a submission, attached to the object that users look at, such as the TaskRun.
//!
//! After the pod is deleted, only these Events show which objects a rollback could not delete. If the ServiceAccount is not
//! allowed to create Events, the run continues without them.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use gleaner_core::run::{OwnerReference, Run};
use gleaner_proto::failure::LeftState;
use gleaner_proto::message::Problem;
use gleaner_runtime::api_server::event::NOTE_BYTES;
use gleaner_runtime::api_server::{ApiServer, Event, EventKind, Regarding};
use gleaner_runtime::error_chain;
use http::StatusCode;

use crate::journal::Commit;

const CONTROLLER: &str = "gleaner.dev/sidecar";

/// The time limit for creating all Events about one result. The sidecar exits only after the Events are created or the
/// limit has passed.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Creates the Events about a run.
pub(crate) struct Recorder {
    server: ApiServer,
    namespace: String,
    regarding: OwnerReference,
    /// True after the API server has refused an Event. From then on, no more Events are sent.
    is_refused: AtomicBool,
}

/// The content of one Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    kind: EventKind,
    reason: &'static str,
    note: String,
}

impl Recorder {
    /// Returns a recorder, or `None` if the cluster has no object to which the run's Events can be attached.
    pub(crate) fn new(server: ApiServer, run: &Run) -> Option<Self> {
        Some(Self {
            server,
            namespace: run.namespace()?.to_owned(),
            regarding: run.subject()?,
            is_refused: AtomicBool::new(false),
        })
    }

    /// Creates an Event for each notice, concurrently.
    pub(crate) async fn tell(&self, notices: Vec<Notice>) {
        if self.is_refused.load(Ordering::Relaxed) {
            return;
        }
        let creates = notices.iter().map(|notice| self.create(notice));
        if tokio::time::timeout(TIMEOUT, join_all(creates))
            .await
            .is_err()
        {
            tracing::warn!(within = ?TIMEOUT, "events-not-created");
        }
    }

    async fn create(&self, notice: &Notice) {
        let OwnerReference {
            api_version,
            kind,
            name,
            uid,
        } = &self.regarding;
        let event = Event {
            controller: CONTROLLER,
            instance: name,
            kind: notice.kind,
            reason: notice.reason,
            action: "Submit",
            note: &notice.note,
            regarding: Regarding {
                api_version,
                kind,
                namespace: &self.namespace,
                name,
                uid,
            },
        };
        let Err(error) = self.server.create_event(&event).await else {
            return;
        };
        match error.code() {
            // The API server would refuse every other Event for the same reason, so no more requests are sent.
            Some(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => {
                if !self.is_refused.swap(true, Ordering::Relaxed) {
                    tracing::info!(error = error_chain(&error), "events-refused");
                }
            }
            _ => tracing::warn!(error = error_chain(&error), "event-not-created"),
        }
    }
}

/// Returns the Event about a commit, or nothing if the commit created no objects.
pub(crate) fn of_commit(commit: &Commit) -> Vec<Notice> {
    let created = &commit.outcome.resources;
    let count = created.len();
    let objects = if count == 1 { "object" } else { "objects" };
    let notice = Notice {
        kind: EventKind::Normal,
        reason: "GleanerCreated",
        note: format!("{count} {objects}: ") + &named(created, "; "),
    };
    (count > 0).then_some(notice).into_iter().collect()
}

/// Returns the Events about a failure. `removed` contains the objects that were rolled back.
pub(crate) fn of_failure(problem: &Problem, removed: &[String]) -> Vec<Notice> {
    let warning = |reason, note| Notice {
        kind: EventKind::Warning,
        reason,
        note,
    };
    let mut notices = vec![warning("GleanerFailed", problem.detail.clone())];
    if !removed.is_empty() {
        notices.push(Notice {
            kind: EventKind::Normal,
            ..warning(
                "GleanerRolledBack",
                "rolled back: ".to_owned() + &named(removed, ", "),
            )
        });
    }
    let (retained, left): (Vec<_>, Vec<_>) = problem
        .left
        .iter()
        .partition(|left| left.state == LeftState::Retained);
    if !retained.is_empty() {
        let retained: Vec<_> = retained.into_iter().map(|left| &left.object).collect();
        let note = "retained because of keepOnFailure and must be deleted by hand: ".to_owned();
        notices.push(warning("GleanerRetained", note + &named(&retained, ", ")));
    }
    if !left.is_empty() {
        let left: Vec<_> = left.into_iter().map(|left| &left.object).collect();
        let note = "may still exist (if so, delete by hand): ".to_owned() + &named(&left, ", ");
        notices.push(warning("GleanerRollbackFailed", note));
    }
    notices
}

/// Lists as many names as fit into an Event, followed by the number of omitted names.
fn named(names: &[impl Display], separator: &str) -> String {
    // Space for the preceding text and for "and N more".
    const OTHERS: usize = 96;
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let name = name.to_string();
        let rest = names.len() - index;
        if text.len() + separator.len() + name.len() > NOTE_BYTES - OTHERS {
            return format!("{text}{separator}and {rest} more");
        }
        if index > 0 {
            text += separator;
        }
        text += &name;
    }
    text
}

#[cfg(test)]
mod tests;

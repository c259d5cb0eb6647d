//! Kubernetes Events about refusals, attached to objects that users look at.
//!
//! A refused pod does not exist, but the TaskRun or Job that tried to create it does, and `kubectl describe` shows its Events.
//! Events never delay a review: notices are queued, and if the queue is full, further notices are counted and dropped.

mod repeats;

use gleaner_runtime::api_server::event::NOTE_BYTES;
use gleaner_runtime::api_server::{ApiServer, Event, EventKind, Regarding};
use gleaner_runtime::error_chain;
use gleaner_runtime::text::cut;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::repeats::Repeats;
use crate::decision::Owner;
use crate::metrics::Metrics;

/// The maximum number of queued notices. Each takes at most 2 KB.
const QUEUE: usize = 128;

const CONTROLLER: &str = "gleaner.dev/injector";

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notice {
    pub owner: Owner,
    pub namespace: String,
    pub message: String,
}

/// A sender of notices. Clones share one queue, and the default recorder drops all notices.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    queue: Option<mpsc::Sender<Notice>>,
    metrics: Metrics,
}

#[must_use = "no Event is created before `run` is called"]
pub(crate) struct EventSink {
    queue: mpsc::Receiver<Notice>,
    server: ApiServer,
    instance: String,
    metrics: Metrics,
}

/// Returns a recorder and its sink. The caller must run the sink, which exits after the last clone of the recorder is dropped.
pub(crate) fn recorder(
    server: ApiServer,
    instance: String,
    metrics: &Metrics,
) -> (Recorder, EventSink) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let recorder = Recorder {
        queue: Some(sender),
        metrics: metrics.clone(),
    };
    let sink = EventSink {
        queue: receiver,
        server,
        instance,
        metrics: metrics.clone(),
    };
    (recorder, sink)
}

impl Recorder {
    /// Queues a notice, or drops it if the queue is full.
    pub fn tell(&self, mut notice: Notice) {
        let Some(queue) = &self.queue else { return };
        notice.message = cut(&notice.message, NOTE_BYTES).to_owned();
        if queue.try_send(notice).is_err() {
            self.metrics.event("dropped");
        }
    }
}

impl EventSink {
    /// Creates the queued Events, and exits after all recorders are dropped.
    pub(crate) async fn run(mut self) {
        let mut repeats = Repeats::default();
        while let Some(notice) = self.queue.recv().await {
            if !repeats.is_new(&notice, Instant::now()) {
                self.metrics.event("repeated");
                continue;
            }
            let told = self.server.create_event(&self.event(&notice)).await;
            match told {
                Ok(_) => self.metrics.event("created"),
                // A failed Event is not retried, because the refusal contains the same message.
                Err(error) => {
                    self.metrics.event("failed");
                    tracing::warn!(error = error_chain(&error), "event-not-created");
                }
            }
        }
    }

    fn event<'a>(&'a self, notice: &'a Notice) -> Event<'a> {
        let owner = &notice.owner;
        Event {
            controller: CONTROLLER,
            instance: &self.instance,
            kind: EventKind::Warning,
            reason: "GleanerRefused",
            action: "Admit",
            note: &notice.message,
            regarding: Regarding {
                api_version: &owner.api_version,
                kind: &owner.kind,
                namespace: &notice.namespace,
                name: &owner.name,
                uid: &owner.uid,
            },
        }
    }
}

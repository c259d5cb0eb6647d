//! Watches: what happens to the objects of a kind, one JSON document a line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::kind::Kind;
use crate::options::Options;
use crate::read::in_version;
use crate::router::Shared;
use crate::selector::Selector;
use crate::status::Refusal;
use crate::store::Change;

/// A real server ends watches after half an hour to an hour, whatever is asked.
const LONGEST: Duration = Duration::from_secs(30 * 60);

struct Watch {
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    selector: Selector,
    /// Everything up to here has been sent, or lies in `lines`.
    revision: u64,
    lines: VecDeque<Bytes>,
    over: bool,
    deadline: Instant,
    changed: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
}

/// Starts a watch: from a revision on, or with the objects that are there now.
///
/// # Errors
///
/// 400 for a selector or a revision that cannot be understood.
pub(crate) fn watch(
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    options: &Options,
) -> Result<Response, Refusal> {
    let selector = Selector::parse(options)?;
    let from = match options.resource_version.as_deref() {
        None | Some("0") => None,
        Some(text) => Some(text.parse::<u64>().map_err(|_| {
            Refusal::bad_request(format!("invalid resource version {text:?}: not a number"))
        })?),
    };
    let timeout = options
        .timeout_seconds
        .map_or(LONGEST, Duration::from_secs)
        .min(LONGEST);
    let changed = shared.store.subscribe();
    let stopping = shared.stopping.clone();
    let mut watch = Watch {
        shared,
        kind,
        namespace,
        selector,
        revision: 0,
        lines: VecDeque::new(),
        over: false,
        deadline: Instant::now() + timeout,
        changed,
        stopping,
    };
    match from {
        Some(revision) => watch.revision = revision,
        None => watch.begin_with_what_is_there(),
    }
    let lines = stream::unfold(watch, |mut watch| async move {
        let line = watch.next_line().await?;
        Some((Ok::<_, std::convert::Infallible>(line), watch))
    });
    let json = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(([json], Body::from_stream(lines)).into_response())
}

impl Watch {
    fn begin_with_what_is_there(&mut self) {
        let held = self.shared.store.hold();
        self.revision = held.revision();
        let objects = held.list(&self.kind.qualified_plural(), self.namespace.as_deref());
        drop(held);
        for (_, object) in objects {
            if self.selector.matches(&object) {
                self.push("ADDED", object);
            }
        }
    }

    /// The next line; none when the watch is over. Waits without holding the store.
    async fn next_line(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            self.changed.mark_unchanged();
            self.take_changes();
            if !self.lines.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                _ = self.stopping.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep_until(self.deadline) => return None,
            }
        }
    }

    fn take_changes(&mut self) {
        let changes = self.shared.store.hold().changes_after(self.revision);
        let changes = match changes {
            Ok(changes) => changes,
            Err(oldest) => {
                self.over = true;
                if let Some(status) = Refusal::expired(self.revision, oldest).to_object() {
                    self.lines.push_back(line("ERROR", &status));
                }
                return;
            }
        };
        for change in changes {
            self.revision = change.revision;
            self.take(change);
        }
    }

    /// What a change means to this watch: an object may enter or leave what it selects.
    fn take(&mut self, change: Change) {
        let Change {
            revision,
            key,
            before,
            after,
        } = change;
        if key.resource != self.kind.qualified_plural()
            || self
                .namespace
                .as_ref()
                .is_some_and(|namespace| *namespace != key.namespace)
        {
            return;
        }
        let selected = |object: &Arc<Value>| self.selector.matches(object);
        match (before.filter(selected), after.filter(selected)) {
            (None, Some(object)) => self.push("ADDED", object),
            (Some(_), Some(object)) => self.push("MODIFIED", object),
            (Some(mut object), None) => {
                Arc::make_mut(&mut object)["metadata"]["resourceVersion"] =
                    revision.to_string().into();
                self.push("DELETED", object);
            }
            (None, None) => {}
        }
    }

    fn push(&mut self, event: &str, object: Arc<Value>) {
        self.lines
            .push_back(line(event, &in_version(&self.kind, object)));
    }
}

fn line(event: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{}\n", json!({ "type": event, "object": object })))
}

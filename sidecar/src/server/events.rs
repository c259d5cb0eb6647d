//! The status as a stream of server-sent events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answer::ApiProblem;
use super::clients::Class;
use super::views::{Subject, Views};
use super::{Api, Caller};
use crate::run_actor::Snapshot;
use gleaner_runtime::Shutdown;

/// The maximum time without data on a stream. A comment is sent after this time, because a disconnected client is detected only
/// when a write fails.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The interval of the clock that all streams share. All changes within one interval are sent as a single event, which is
/// rendered once.
const BEAT: Duration = Duration::from_millis(250);
/// The pause before the next attempt to render the status, after no memory was available.
const BUSY: Duration = Duration::from_secs(1);
const COMMENT: Bytes = Bytes::from_static(b":\n\n");
/// The last event of a stream. This event tells the client that the stream ends because the sidecar is shutting down, not because
/// the connection failed.
const END: Bytes = Bytes::from_static(b"event: end\ndata: {}\n\n");

/// The event stream of one client. If the client is slow, it receives only the newest status.
struct Stream {
    views: Arc<Views>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    shutdown: Shutdown,
    /// The version of the last status that was sent.
    sent: Option<u64>,
    /// True if [`END`] was sent.
    has_ended: bool,
    start: Instant,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiProblem> {
    let stream = Stream {
        views: Arc::clone(&api.views),
        snapshots: api.handle.snapshots(),
        shutdown: api.shutdown.clone(),
        sent: None,
        has_ended: false,
        start: api.start,
        _permit: api.clients.of(&caller).begin(Class::Stream)?,
    };
    let frames = stream::unfold(stream, async |mut stream| {
        let frame = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), stream))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

fn until_beat(elapsed: Duration) -> Duration {
    let beat = BEAT.as_nanos();
    let past = elapsed.as_nanos() % beat;
    BEAT.saturating_sub(Duration::from_nanos(
        u64::try_from(past).unwrap_or_default(),
    ))
}

impl Stream {
    /// Returns the next event or comment, or `None` if the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        loop {
            let sent = self.sent;
            let newer = self
                .snapshots
                .wait_for(|snapshot| Some(snapshot.version) != sent);
            let version = tokio::select! {
                // The last status of a run is sent before the end of the stream.
                biased;
                newer = tokio::time::timeout(KEEP_ALIVE, newer) => match newer {
                    Ok(newer) => newer.ok()?.version,
                    Err(_) => return Some(COMMENT),
                },
                () = self.shutdown.requested() => {
                    self.has_ended = true;
                    return Some(END);
                }
            };
            if sent.is_some() {
                tokio::time::sleep(until_beat(self.start.elapsed())).await;
            }
            match self.views.get(Subject::Status).await {
                Ok(view) => {
                    self.sent = Some(version);
                    return view.into_event();
                }
                Err(_) => tokio::time::sleep(BUSY).await,
            }
        }
    }
}

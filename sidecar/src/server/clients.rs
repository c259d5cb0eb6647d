//! Per-client limits, so that no client can use up the resources that the other clients and the probes need.
//!
//! Each socket counts as one client: a step's socket, the loopback address, or the socket for probes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gleaner_proto::StepName;
use gleaner_runtime::http::{Held, Share};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::ApiProblem;
use super::caller::Speaker;
use super::{Api, Caller};
use crate::config::Memory;

/// The maximum number of concurrent event streams on each socket.
const STREAMS: usize = 16;
/// The maximum number of concurrent waiting requests on each socket, such as those with `?wait=`.
const WAITS: usize = 16;
/// The maximum number of concurrent posts per step. Each post can hold a response of several MiB, and a step needs only one post
/// at a time.
const POSTS: usize = 4;

/// The limits for all clients.
#[derive(Debug)]
pub struct Clients(HashMap<Caller, Client>);

/// The limits for one client, and the resources that it currently uses.
#[derive(Debug)]
pub(super) struct Client {
    streams: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    posts: Arc<Semaphore>,
    pub(super) bodies: Share,
}

/// A class of requests with a limit per client.
#[derive(Debug, Clone, Copy)]
pub(super) enum Class {
    Stream,
    Wait,
    Post,
}

impl Clients {
    /// Returns the limits for the clients of a sidecar that serves `steps`.
    pub fn new(steps: &[StepName], memory: &Memory) -> Self {
        let steps = steps.iter().cloned().map(Caller::Step);
        let callers = steps.chain([Caller::Loopback, Caller::Probe]);
        let client = |caller| (caller, Client::new(memory.share));
        Self(callers.map(client).collect())
    }

    /// Returns the limits for this caller.
    pub(super) fn of(&self, caller: &Caller) -> &Client {
        let known = self.0.get(caller);
        known.expect("invariant: every socket has an entry")
    }
}

impl Client {
    fn new(share: usize) -> Self {
        let semaphore = |most| Arc::new(Semaphore::new(most));
        Self {
            streams: semaphore(STREAMS),
            waits: semaphore(WAITS),
            posts: semaphore(POSTS),
            bodies: Share::new(share),
        }
    }

    /// Reserves a slot for a request of this class.
    ///
    /// # Errors
    /// Returns a problem if the client is at its limit.
    pub(super) fn begin(&self, class: Class) -> Result<OwnedSemaphorePermit, ApiProblem> {
        let (semaphore, most, what) = match class {
            Class::Stream => (&self.streams, STREAMS, "event streams"),
            Class::Wait => (&self.waits, WAITS, "waiting requests"),
            Class::Post => (&self.posts, POSTS, "posts of this step"),
        };
        let permit = Arc::clone(semaphore).try_acquire_owned();
        permit.map_err(|_| {
            ApiProblem::busy(format!(
                "{most} {what} are in progress, which is the maximum; retry when one of them has finished"
            ))
        })
    }
}

/// Limits the concurrent posts of a step. A post counts until the last byte of its response is sent. This middleware runs after
/// the step is identified.
pub(super) async fn bound_posts(
    State(api): State<Api>,
    Extension(Speaker(step)): Extension<Speaker>,
    request: Request,
    next: Next,
) -> Response {
    match api.clients.of(&Caller::Step(step)).begin(Class::Post) {
        Ok(permit) => next.run(request).await.map(|body| Held::body(body, permit)),
        Err(problem) => problem.into_response(),
    }
}

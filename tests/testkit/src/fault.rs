//! A server that simulates network and server faults for chosen requests, and records all requests.
//!
//! The server listens on plain HTTP, in its own thread. A [`Backend`] either performs the requests on objects in memory
//! ([`crate::api_server`]), or forwards them to another server.
//!
//! ```ignore
//! // The first create is performed, but its response is lost.
//! server.on(Method::POST, "/pipelineresources$").first(1).fail(Fault::DropReply);
//! ```

mod record;
mod rule;
mod serve;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use regex::Regex;
use tokio::runtime::{Builder, Runtime};

use crate::wait;
pub use record::{Outcome, Recorded};
use rule::Rule;
pub use rule::{Fault, RuleBuilder, refusal};
pub(crate) use serve::json;

/// An error that interrupts a streaming body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A backend's response; its body may be streamed.
pub type Reply = Response<UnsyncBoxBody<Bytes, BodyError>>;

/// Performs the requests that no fault intercepts.
pub trait Backend: Send + Sync + 'static {
    /// Performs a request; returns `None` if the backend does not respond.
    fn perform(&self, request: Request<Bytes>) -> impl Future<Output = Option<Reply>> + Send;
}

/// The server. Dropping it stops the server and closes its connections.
pub struct FaultServer {
    address: SocketAddr,
    plan: Arc<Plan>,
    runtime: Option<Runtime>,
}

/// The active rules, and the requests received so far.
#[derive(Default)]
pub(crate) struct Plan {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    records: Vec<Recorded>,
    /// The number of requests to which a fault was applied.
    faults: usize,
}

impl FaultServer {
    /// Starts the server with a backend, on a free port of the loopback address.
    pub fn start(backend: impl Backend) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, backend)
    }

    /// Starts the server with a backend, on a free port at `address`, which must be an address of this machine.
    pub fn start_at(address: Ipv4Addr, backend: impl Backend) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("the port that was just bound");
        listener.set_nonblocking(true).expect("non-blocking mode");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let plan = Arc::<Plan>::default();
        let serving = Arc::clone(&plan);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            serve::serve(listener, Arc::new(backend), serving).await;
        });
        Self {
            address,
            plan,
            runtime: Some(runtime),
        }
    }

    /// Returns the server's URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins a rule for requests that have this method and whose path and query match the regular expression `target`.
    ///
    /// If several rules match a request, only the first rule that is due applies, and only its count of remaining faults is
    /// decremented.
    pub fn on(&self, method: Method, target: &str) -> RuleBuilder<'_> {
        RuleBuilder::new(&self.plan, method, regex(target))
    }

    /// Removes all rules.
    pub fn heal(&self) {
        self.plan.lock().rules.clear();
    }

    /// Returns the number of requests to which a fault has been applied so far.
    pub fn faults(&self) -> usize {
        self.plan.lock().faults
    }

    /// Returns all requests received so far, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.plan.lock().records.clone()
    }

    /// Returns the requests received so far that have this method and whose path and query match the regular expression `target`.
    pub fn requests_to(&self, method: &Method, target: &str) -> Vec<Recorded> {
        let target = regex(target);
        let mut requests = self.requests();
        requests.retain(|request| request.method == *method && target.is_match(&request.target()));
        requests
    }

    /// Returns the number of requests that [`Self::requests_to`] returns.
    pub fn count(&self, method: &Method, target: &str) -> usize {
        self.requests_to(method, target).len()
    }

    /// Returns the requests received so far that write objects, except dry runs and requests that create Events.
    pub fn writes(&self) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| {
            let writes = request.method != Method::GET && !request.is_dry_run();
            writes && !request.path.ends_with("/events")
        });
        requests
    }

    /// Waits until [`Self::requests_to`] returns at least `count` requests; panics after the deadline.
    pub async fn wait_for(&self, count: usize, method: &Method, target: &str, deadline: Duration) {
        let what = format!("{count} requests {method} {target}");
        wait::until(&what, deadline, async || {
            (self.count(method, target) >= count).then_some(())
        })
        .await;
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The server may be dropped in an async test, where waiting for the runtime would panic.
            runtime.shutdown_background();
        }
    }
}

impl Plan {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// Records a request and returns its number and the fault that applies to it.
    pub(crate) fn arrive(&self, request: Recorded) -> (usize, Option<Fault>) {
        let mut state = self.lock();
        let mut matching = state.rules.iter_mut().filter(|rule| rule.matches(&request));
        let fault = matching.by_ref().find_map(Rule::fire);
        for rule in matching {
            rule.pass();
        }
        state.faults += usize::from(fault.is_some());
        state.records.push(request);
        (state.records.len() - 1, fault)
    }

    /// Records the outcome of a request.
    pub(crate) fn end(&self, index: usize, outcome: Outcome) {
        if let Some(record) = self.lock().records.get_mut(index) {
            record.outcome = outcome;
        }
    }
}

fn regex(target: &str) -> Regex {
    Regex::new(target).expect("a regular expression")
}

//! An API server with faults: a proxy that does to chosen requests what networks and servers do to any.
//!
//! It listens on plain HTTP at 127.0.0.1 and passes requests on with the upstream's credentials, so a client needs
//! nothing but its URL. Every request is recorded, with what became of it.
//!
//! ```ignore
//! let proxy = FaultProxy::start(server.client()).await;
//! // The first create is committed, and its reply lost.
//! proxy.on(Method::POST, "/pipelineresources$").first(1).fail(Fault::DropReply);
//! ```

mod record;
mod rule;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use kube::Client;
use regex::Regex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use record::{Outcome, Recorded};
pub use rule::{Fault, RuleBuilder};

use rule::Rule;

/// The proxy. It ends when it is dropped, and its connections with it.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

pub(crate) struct State {
    upstream: Client,
    plan: Mutex<Plan>,
}

#[derive(Default)]
pub(crate) struct Plan {
    rules: Vec<Rule>,
    records: Vec<Recorded>,
}

impl FaultProxy {
    /// Starts it in front of the server that a client is for.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub async fn start(upstream: Client) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("the port that was just bound");
        let state = Arc::new(State {
            upstream,
            plan: Mutex::default(),
        });
        let task = tokio::spawn(serve::serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins a rule for requests of a method whose path and query match a regular expression.
    ///
    /// Of several rules that match a request, each counts it; the first that is due fires.
    ///
    /// # Panics
    ///
    /// When the expression is none.
    pub fn on(&self, method: Method, target: &str) -> RuleBuilder<'_> {
        RuleBuilder::new(
            self,
            method,
            Regex::new(target).expect("a regular expression"),
        )
    }

    /// Takes all rules away.
    pub fn heal(&self) {
        self.state.plan().rules.clear();
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.plan().records.clone()
    }

    /// The requests of a method whose path and query match.
    ///
    /// # Panics
    ///
    /// When the expression is none.
    #[must_use]
    pub fn requests_to(&self, method: &Method, target: &str) -> Vec<Recorded> {
        let target = Regex::new(target).expect("a regular expression");
        let mut requests = self.requests();
        requests.retain(|request| request.method == *method && target.is_match(&request.target()));
        requests
    }

    /// Waits until so many requests of a method have arrived whose path and query match.
    ///
    /// # Panics
    ///
    /// When they do not within the deadline.
    pub async fn wait_for(&self, count: usize, method: &Method, target: &str, deadline: Duration) {
        let what = format!("{count} of {method} {target}");
        crate::wait::until(&what, deadline, async || {
            (self.requests_to(method, target).len() >= count).then_some(())
        })
        .await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    pub(crate) fn upstream(&self) -> &Client {
        &self.upstream
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and says what is to become of it.
    pub(crate) fn arrive(&self, request: Recorded) -> (usize, Option<Fault>) {
        let mut plan = self.plan();
        let target = request.target();
        let mut fault = None;
        for rule in &mut plan.rules {
            let due = rule.count(&request.method, &target);
            fault = fault.or(due);
        }
        plan.records.push(request);
        (plan.records.len() - 1, fault)
    }

    /// Records what became of a request.
    pub(crate) fn end(&self, index: usize, outcome: Outcome) {
        if let Some(record) = self.plan().records.get_mut(index) {
            record.outcome = outcome;
        }
    }
}

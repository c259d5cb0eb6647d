//! The admission webhook that injects the sidecar and the redirector into Tasks and pods.
//!
//! The modules are listed in the order in which they process a review:
//!
//! | module | purpose |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | routes, the threads that decide, health, readiness |
//! | `probes` | the thread that serves health and metrics |
//! | [`tls`] | the served certificate, and its source |
//! | [`certificates`] | certificates whose CA the injector writes into the caBundle: its own, in a Secret, and those from files |
//! | [`review`] | parses a review into a request, and serializes a verdict |
//! | [`decision`] | decides on an object, without side effects |
//! | [`events`] | Events about refusals, attached to the TaskRun or Job that a user looks at |
//! | `version` | the kind of sidecar that the cluster's version allows |
//! | [`metrics`] | metrics |
//!
//! [`main`] is the whole program. Callers with a separate async runtime use [`Webhook`].

#![allow(
    missing_docs,
    reason = "a program, not a library: only unclear names need docs"
)]

pub mod certificates;
pub mod config;
pub mod decision;
pub mod events;
pub mod metrics;
mod probes;
mod program;
pub mod review;
pub mod server;
pub mod tls;
mod version;

pub use config::Config;
pub use program::{ProgramError, Webhook, main};

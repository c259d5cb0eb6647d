//! The admission webhook that injects the sidecar and the redirector into Tasks and pods.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | routes, the threads that decide, health, readiness |
//! | `probes` | the thread that serves health and metrics |
//! | [`tls`] | the served certificate, and its source |
//! | [`certificates`] | issues certificates or reads them from files, and writes their CAs into the caBundle |
//! | [`review`] | parses a review into a request, and serializes a verdict |
//! | [`decision`] | decides on an object, without side effects |
//! | [`events`] | Events about refusals, attached to the TaskRun or Job that a user looks at |
//! | `version` | the type of sidecar that the API server's version supports |
//! | [`metrics`] | metrics |
//!
//! [`main`] runs the whole program. Callers that provide their own async runtime use [`Webhook`].

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

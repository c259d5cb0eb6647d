//! The admission webhook.
//!
//! In the order in which a review passes them:
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | connections, routes, health |
//! | [`tls`] | the certificate that is served, and where it comes from |
//! | [`certificates`] | that source which Gleaner keeps itself: a Secret, a rotation, the caBundle |
//! | [`review`] | from the bytes of a review to a request, and from an answer to bytes |
//! | [`decision`] | what becomes of the object, pure |
//! | [`events`] | what a person should know, told beside the object |
//! | [`cluster`], [`metrics`], [`telemetry`] | the API server, what is counted, what is logged |
//!
//! [`main`] is the whole program; [`Webhook`] is the same for a caller with a runtime of their own.

pub mod certificates;
pub mod cluster;
pub mod config;
pub mod decision;
pub mod events;
mod guard;
pub mod metrics;
mod program;
pub mod review;
pub mod server;
pub mod telemetry;
pub mod tls;

pub use config::Config;
pub use program::{ProgramError, Webhook, main};

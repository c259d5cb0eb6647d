//! The sidecar, which collects the outputs of a task's steps, renders the templates and submits the objects.
//!
//! The modules that process an output are listed first, in the order in which they process it:
//!
//! | module | purpose |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | sockets, routes, permissions of callers |
//! | [`run_actor`] | the task that owns the state of the run |
//! | [`message`] | parses a request body as a step's message |
//! | [`journal`], `recovery` | the accepted messages on disk, and the state after a restart |
//! | `events` | Kubernetes Events about the result of the submission |
//! | `ready` | the subcommand that waits until the sidecar is ready |
//! | [`traces`] | exports the run's phases as OpenTelemetry spans |
//! | [`preflight`], [`metrics`] | the findings before the first step runs, and the counters |
//!
//! The state itself and the rendering are in `gleaner_core`; the submission is in `gleaner_submission`.
//!
//! [`main`] is the whole program. The `gleaner` command also contains it.

#![allow(
    missing_docs,
    reason = "a program, not a library: only unclear names need docs"
)]

pub mod config;
mod crash_point;
mod events;
#[cfg(fuzzing)]
pub mod fuzzing;
mod install;
pub mod journal;
pub mod message;
pub mod metrics;
pub mod preflight;
mod program;
mod ready;
mod recovery;
pub mod run_actor;
pub mod server;
pub mod traces;

pub use program::{ProgramError, main};

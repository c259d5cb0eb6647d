//! The sidecar: collects the outputs of a task's steps, renders the templates and submits the objects.
//!
//! The modules in the order in which a value passes through them:
//!
//! | module | content |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | sockets, routes, permissions of callers |
//! | [`run_actor`] | the task that owns the state of the run |
//! | [`message`] | converts the bytes of a body to a step's message |
//! | [`journal`], `recovery` | the accepted messages on disk, and the state after a restart |
//! | `events` | Events about the end of the submission, attached to the run |
//! | `ready` | the wait of a hook or probe until the sidecar is ready |
//! | [`traces`] | the phases of the run as spans for OpenTelemetry |
//! | [`preflight`], [`metrics`] | the findings before the first step runs, and the counters |
//!
//! The state itself and the rendering are in `gleaner_core`; the submission is in `gleaner_submission`.
//!
//! [`main`] is the whole program; the `gleaner` command includes it too.

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

//! The sidecar: collects what a task's steps leave behind, renders, submits.
//!
//! In the order in which a value passes them:
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | the command line |
//! | [`server`] | sockets, routes, who may say what |
//! | [`keeper`] | the task that keeps the following three in step |
//! | [`message`] | from the bytes of a body to a step's message |
//! | [`journal`] | what was accepted, on disk |
//! | [`collector`] | the state of the run, pure |
//! | [`rendering`] | from templates and values to objects, pure |
//! | [`submission`] | all objects onto the API server, or none |
//! | [`run`] | whose objects they are: context, labels, owner |
//! | `ready` | waits for another process of this program to be ready: hook and probe |
//! | [`preflight`], [`metrics`] | what is known before, and what is counted |
//!
//! [`main`] is the whole program; the `gleaner` command carries it too.

pub mod config;
mod crash_point;
mod install;
pub mod journal;
pub mod keeper;
pub mod message;
pub mod metrics;
pub mod preflight;
mod program;
mod ready;
pub mod server;

pub use program::{ProgramError, main};

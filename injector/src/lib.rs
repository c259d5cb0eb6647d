//! Weaves Tasks and wraps pods.
//!
//! | module | holds |
//! | --- | --- |
//! | [`weave`] | pure: a Task that asks for Gleaner becomes one that any Tekton can run |
//! | [`mod@wrap`] | pure: a pod of such a Task, or any pod with the annotation, gets redirector and sidecar |
//! | [`settings`] | what both put into pods: image, resources, security |
//! | `parts` | what a pod needs to have Gleaner, whichever way it comes into it |
//! | [`quantity`] | `500m`, `128Mi` |
//! | [`outcome`] | what came of it: changed, skipped and why, refused and why |
//! | `webhook` | the admission webhook that serves both to an API server (feature `webhook`, on by default) |

pub mod outcome;
mod parts;
pub mod quantity;
pub mod settings;
pub mod weave;
#[cfg(feature = "webhook")]
pub mod webhook;
pub mod wrap;

pub use outcome::{Outcome, Refusal, Skip};
pub use settings::Settings;

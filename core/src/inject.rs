//! Injection: a Task, or a pod, that declares outputs gets the sidecar and the redirector.
//!
//! | module | holds |
//! | --- | --- |
//! | [`mod@task`] | a Task that declares outputs becomes one that any Tekton can run |
//! | [`pod`] | a pod of such a Task, or any pod with the annotation, gets redirector and sidecar |
//! | [`settings`] | what both put into pods: image, resources, security |
//! | `parts` | the parts of a pod that both need: mounts, readiness, redirector flags |
//! | [`quantity`] | `500m`, `128Mi` |
//! | [`outcome`] | the result: changed, skipped and why, refused and why |

pub mod outcome;
mod parts;
pub mod pod;
pub mod quantity;
pub mod settings;
pub mod task;

pub use outcome::{Outcome, Refusal, Skip};
pub use settings::Settings;

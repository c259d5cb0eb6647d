//! Injection: a Task, or a pod, that declares outputs gets the sidecar and the redirector.
//!
//! | module | holds |
//! | --- | --- |
//! | [`mod@task`] | a Task that declares outputs becomes one that any Tekton can run |
//! | [`pod`] | a pod of such a Task, or any pod with the annotation, gets redirector and sidecar |
//! | [`settings`] | what both put into pods: image, resources, security |
//! | [`removal`] | takes Gleaner out again |
//! | `shape` | maps and lists where injection reads and adds to |
//! | `list` | lists in the fields of an object |
//! | `messages` | the termination messages of a pod, and how its containers share their room |
//! | `mounts` | the shared volume, and who sees which part of it |
//! | `port` | the sidecar's port, out of the way of the pod's own servers |
//! | `redirector_flags` | the redirector's flags for one step |
//! | `readiness` | how the kubelet learns that the sidecar is ready |
//! | `stray` | annotations that nothing reads |
//! | [`quantity`] | `500m`, `128Mi` |
//! | [`outcome`] | the result: changed, skipped and why, refused and why |

mod list;
mod messages;
mod mounts;
pub mod outcome;
pub mod pod;
mod port;
pub mod quantity;
mod readiness;
mod redirector_flags;
pub mod removal;
pub mod settings;
mod shape;
pub(crate) mod stray;
pub mod task;

pub use messages::ResultsFrom;
pub use outcome::{Changed, Outcome, Refusal, Skip};
pub use settings::Settings;

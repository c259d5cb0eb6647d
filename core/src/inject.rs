//! Injection: adds the sidecar and the redirector to a Task or a pod that declares outputs.
//!
//! | module | contents |
//! | --- | --- |
//! | [`mod@task`] | changes a Task that declares outputs so that any version of Tekton can run it |
//! | [`pod`] | adds the redirector and the sidecar to the pod of an injected Task, or to any pod with the annotation |
//! | [`settings`] | the settings for injection: image, resources, security |
//! | [`removal`] | removes Gleaner from an injected object |
//! | `shape` | the maps and lists that injection reads and extends |
//! | `environment` | the environment variable that the redirector sets |
//! | `exemption` | the label that exempts an object from the webhook |
//! | `list` | helpers for lists in an object's fields |
//! | `messages` | the termination messages of a pod, and the share of their space that each container gets |
//! | `mounts` | the shared volume, and the part of it that each container mounts |
//! | `port` | the sidecar's port, chosen to avoid conflicts with the pod's own servers |
//! | `redirector_flags` | the redirector's flags for one step |
//! | `readiness` | the hook and the probe that delay the steps until the sidecar is ready |
//! | `traces` | the sidecar's environment variables for exporting traces |
//! | `stray` | annotations that have no effect |
//! | [`quantity`] | Kubernetes quantities, such as `500m` and `128Mi` |
//! | [`outcome`] | the result of injection: changed, skipped or rejected, with the reason |

mod environment;
pub(crate) mod exemption;
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
mod traces;

pub use messages::ResultsFrom;
pub use outcome::{Changed, Outcome, Refusal, Skip};
pub use settings::Settings;

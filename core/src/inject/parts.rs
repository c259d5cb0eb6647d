//! What a pod needs to have Gleaner, whichever way it comes into it.
//!
//! | module | holds |
//! | --- | --- |
//! | `mounts` | the shared volume, and who sees which part of it |
//! | `redirector` | the redirector's flags for one step |
//! | `readiness` | how the kubelet learns that the sidecar is ready |

pub(crate) mod mounts;
pub(crate) mod readiness;
pub(crate) mod redirector;

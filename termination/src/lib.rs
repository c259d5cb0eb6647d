//! Calculates the size of a step's termination message, in which Tekton passes results, and the space that each container has for
//! its message.
//!
//! Tekton's entrypoint writes a JSON array with an entry for each result into the container's termination message, and fails a
//! step whose message exceeds 4,096 bytes (`pkg/termination/write.go`). The kubelet divides 12 KiB equally among all containers
//! of a pod, including init containers (`k8s.io/kubernetes/pkg/kubelet/status/status_manager.go`, `normalizeStatus`), and
//! truncates longer messages. A truncated message is no longer JSON, and Tekton silently drops all results of the step
//! (`pkg/pod/status.go`). With `results-from: sidecar-logs`, Tekton does not pass results in the message.
//!
//! | module | holds |
//! | --- | --- |
//! | `share` | [`Share`], the containers that share a pod's 12 KiB |
//! | `entry` | [`Entry`], and the size of entries |
//! | `size` | [`Size`], the size of a message with and without compression |

mod entry;
mod share;
mod size;

pub use entry::{Entry, EntryType, OF_TEKTON, cut_escaped, escaped_len};
pub use share::{InvalidShare, Share};
pub use size::Size;

/// The maximum size of one container's message, in bytes. Tekton fails a step with a larger message, and the kubelet truncates
/// larger messages (`MaxContainerTerminationMessageLength`).
pub const CONTAINER_MAX: usize = 4 << 10;

/// The total space for the messages of all containers in a pod, in bytes (`MaxPodTerminationMessageLogLength`).
pub const POD_MAX: usize = 12 << 10;

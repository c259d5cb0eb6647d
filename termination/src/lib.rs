//! Termination messages of steps, which carry Tekton's results: the space that a container has, and the size of the entries in
//! it.
//!
//! Tekton's entrypoint writes a JSON array with an entry for each result into the container's termination message, and fails a
//! step whose message exceeds 4,096 bytes (`pkg/termination/write.go`). The kubelet divides 12 KiB equally among all containers
//! of a pod, including init containers (`k8s.io/kubernetes/pkg/kubelet/status/status_manager.go`, `normalizeStatus`), and
//! truncates longer messages. A truncated message is no longer JSON, and Tekton silently drops all results of the step
//! (`pkg/pod/status.go`). With `results-from: sidecar-logs`, results are not in the message.
//!
//! | module | holds |
//! | --- | --- |
//! | `share` | [`Share`], the containers that share the 12 KiB of a pod |
//! | `entry` | [`Entry`], and the bytes that entries take |
//! | `size` | [`Size`] of a message, compressed or not |

mod entry;
mod share;
mod size;

pub use entry::{Entry, EntryType, OF_TEKTON, cut_escaped, escaped_len};
pub use share::{InvalidShare, Share};
pub use size::Size;

/// The largest message of one container, in bytes: Tekton does not write more, and the kubelet does not keep more
/// (`MaxContainerTerminationMessageLength`).
pub const CONTAINER_MAX: usize = 4 << 10;

/// The space for the messages of all containers of a pod together, in bytes (`MaxPodTerminationMessageLogLength`).
pub const POD_MAX: usize = 12 << 10;

//! Termination messages of steps, which carry Tekton's results: the room that a container has, and the size of the
//! entries in it.
//!
//! Tekton's entrypoint writes a JSON array with an entry for each result into the container's termination message. It
//! fails a step over 4,096 bytes (`pkg/termination/write.go`). The kubelet gives all containers of a pod 12 KiB
//! together, in equal shares, init containers included (`k8s.io/kubernetes/pkg/kubelet/status/status_manager.go`,
//! `normalizeStatus`), and cuts longer ones. A truncated message is no longer JSON, and Tekton silently drops all
//! results of the step (`pkg/pod/status.go`). Results that reach Tekton by `results-from: sidecar-logs` are not in the
//! message.
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

/// The largest message of one container, in bytes: Tekton writes no more, and the kubelet keeps no more
/// (`MaxContainerTerminationMessageLength`).
pub const CONTAINER_MAX: usize = 4 << 10;

/// The room of all containers of a pod together, in bytes (`MaxPodTerminationMessageLogLength`).
pub const POD_MAX: usize = 12 << 10;

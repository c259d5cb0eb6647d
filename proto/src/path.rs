//! Paths, addresses and names in a pod.

/// The mount point of the shared volume.
pub const GLEANER: &str = "/gleaner";
/// The path of the redirector in the steps.
pub const REDIRECTOR: &str = "/gleaner/bin/redirector";
/// The directory that contains [`REDIRECTOR`].
pub const BIN: &str = "/gleaner/bin";
/// The mount point, in an injected pod, of the directory for a step's outputs.
pub const OUTPUTS: &str = "/gleaner/outputs";
/// The mount point, in the sidecar, of the directory that contains one directory per step.
pub const RUN: &str = "/gleaner/run";
/// The mount point, in a step, of the step's directory in [`RUN`].
pub const OWN_RUN: &str = "/gleaner/run/me";
/// The socket in a step's directory.
pub const SOCKET_FILE: &str = "gleaner.sock";
/// The sidecar's own socket in [`RUN`], for probes. No step mounts it.
pub const READY_SOCKET: &str = "ready.sock";
/// The file in a step's directory that contains the bearer token for the loopback listener.
pub const TOKEN_FILE: &str = "token";
/// The directory that contains the sidecar's journal.
pub const STATE: &str = "/gleaner/state";
/// Address of the loopback listener.
pub const LOOPBACK: &str = "127.0.0.1:8440";
/// The port in [`LOOPBACK`].
pub const LOOPBACK_PORT: u16 = 8440;
/// The directory for Tekton's results (`pkg/apis/pipeline/paths.go`).
pub const TEKTON_RESULTS: &str = "/tekton/results";
/// The file of Tekton's termination message, which contains the reason for a failure.
pub const TEKTON_TERMINATION: &str = "/tekton/termination";

/// The path of the redirector in Gleaner's image.
pub const IMAGE_REDIRECTOR: &str = "/gleaner-redirector";
/// The path of the sidecar in Gleaner's image.
pub const IMAGE_SIDECAR: &str = "/gleaner-sidecar";

/// The environment variable that tells a step's command the directory for the step's outputs.
pub const OUTPUTS_VARIABLE: &str = "GLEANER_OUTPUTS";

/// The default name of the step that Gleaner adds to finish a run if the Task's last step cannot finish it.
pub const FINISH_STEP: &str = "gleaner";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_matches_the_address() {
        assert!(LOOPBACK.ends_with(&format!(":{LOOPBACK_PORT}")));
    }
}

//! The sidecar's port on the loopback address, chosen to avoid conflicts with the pod's own servers.

use gleaner_proto::arguments::LISTEN;
use gleaner_proto::path::LOOPBACK_PORT;
use serde_json::Value;

use super::list;

/// Returns the flag for the sidecar's port in a pod with these containers, or `None` if the default port is free.
///
/// The check relies on the `ports` of each container. A container that listens on the default port without listing it fails with
/// "address in use".
pub(crate) fn flag<'a>(containers: impl Iterator<Item = &'a Value>) -> Option<String> {
    let ports = containers.flat_map(|container| list::items(container, "ports"));
    let taken: Vec<u64> = ports
        .filter_map(|port| port["containerPort"].as_u64())
        .collect();
    let is_free = |port: &u16| !taken.contains(&u64::from(*port));
    let free = (LOOPBACK_PORT..=u16::MAX).find(is_free);
    // Port 0 selects any free port.
    let port = free.unwrap_or_default();
    (port != LOOPBACK_PORT).then(|| on(port))
}

/// Returns the flag that makes the sidecar use any free port. In a pod on the host network, other programs on the node may use
/// the default port.
pub(crate) fn any() -> String {
    on(0)
}

fn on(port: u16) -> String {
    format!("{LISTEN}=127.0.0.1:{port}")
}

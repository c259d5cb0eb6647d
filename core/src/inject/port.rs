//! The sidecar's port on the loopback address, out of the way of the pod's own servers.

use gleaner_proto::arguments::LISTEN;
use gleaner_proto::path::LOOPBACK_PORT;
use serde_json::Value;

use super::list;

/// The sidecar's flag in a pod with these containers; `None` if the default port is free.
///
/// A container that listens says so by `ports`. One that does not, and uses the default port, gets "address in use".
pub(crate) fn flag<'a>(containers: impl Iterator<Item = &'a Value>) -> Option<String> {
    let ports = containers.flat_map(|container| list::items(container, "ports"));
    let taken: Vec<u64> = ports
        .filter_map(|port| port["containerPort"].as_u64())
        .collect();
    let is_free = |port: &u16| !taken.contains(&u64::from(*port));
    let free = (LOOPBACK_PORT..=u16::MAX).find(is_free);
    // Port 0 is any that is free.
    let port = free.unwrap_or_default();
    (port != LOOPBACK_PORT).then(|| on(port))
}

/// The sidecar's flag in a pod on the node's network, where every port is the node's.
pub(crate) fn any() -> String {
    on(0)
}

fn on(port: u16) -> String {
    format!("{LISTEN}=127.0.0.1:{port}")
}

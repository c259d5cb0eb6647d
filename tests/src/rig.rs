//! The rig: a real API server, with etcd and kube-apiserver as local processes in a separate directory.
//!
//! The rig takes about three seconds to start, does not need root, and listens on 127.0.0.1 only. `rig/assets.sh` builds
//! the programs once.

mod access;
mod assets;
mod folder;
mod probe;
mod start;

pub use access::User;
pub use assets::{Missing, helm, programs, rules};
pub use start::{Options, Rig};

//! The rig: a real API server, which consists of etcd and kube-apiserver as local processes with a temporary directory.
//!
//! The rig takes about three seconds to start, does not need root, and listens on 127.0.0.1 only. Before the first start,
//! `rig/assets.sh` builds the programs.

mod access;
mod assets;
mod folder;
mod probe;
mod start;

pub use access::User;
pub use assets::{Missing, helm, programs, rules};
pub use start::{Options, Rig};

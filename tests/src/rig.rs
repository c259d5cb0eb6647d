//! A real API server: etcd and kube-apiserver as local processes, in a separate directory.
//!
//! It takes about three seconds to start, needs no root, and listens on 127.0.0.1 only. Its programs come from
//! `rig/assets.sh`, which builds them once.

mod access;
mod assets;
mod folder;
mod probe;
mod start;

pub use access::User;
pub use assets::{Missing, helm, programs, rules};
pub use start::{Options, Rig};

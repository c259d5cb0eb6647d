//! The admission webhook that injects sidecar and redirector into Tasks and pods.

pub mod webhook;

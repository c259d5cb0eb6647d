//! Field ownership: records which manager set which field of an object, for server-side apply.
//!
//! The fields are stored as `fieldsV1` in `metadata.managedFields`. The rules are the same as in
//! `sigs.k8s.io/structured-merge-diff`, except that every map is treated as granular and every list as atomic.

mod apply;
mod managers;
mod merge;
mod ownership;
mod set;

pub(crate) use apply::{applied_first, apply, created};
pub(crate) use managers::{Manager, Operation};

//! Field ownership: who set which field of an object, as server-side apply needs to know.
//!
//! The structure is that of `fieldsV1` in `metadata.managedFields`; the rules are those of
//! `sigs.k8s.io/structured-merge-diff`.

mod apply;
mod change;
mod managers;
mod set;
mod shape;

pub(crate) use apply::{Applied, Conflict, apply};
pub(crate) use managers::{Manager, Operation, record_update};
pub(crate) use shape::Shape;

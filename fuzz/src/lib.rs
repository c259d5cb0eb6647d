//! Inputs for several targets: random JSON values, and documents from this repository with random edits.
//!
//! Random bytes are rarely a valid Task. If a few values of a Task are edited, the rest stays valid.

mod documents;
mod json;

pub use documents::{Edited, bases};
pub use json::{Json, is_readable};

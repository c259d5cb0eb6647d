//! Inputs for several targets: random JSON values, and documents from this repository with random edits.
//!
//! Random bytes are rarely a valid Task. In contrast, most of a valid Task remains valid if only a few of its values are edited.

mod documents;
mod json;

pub use documents::{Edited, bases};
pub use json::{Json, is_readable};

//! What several targets share: JSON values at random, and documents of the project with random edits.
//!
//! Random bytes alone hardly ever come to a Task; an edit of one keeps what surrounds it.

mod documents;
mod json;

pub use documents::{Edited, bases};
pub use json::{Json, is_readable};

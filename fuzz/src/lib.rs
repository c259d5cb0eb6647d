//! Input shared by several targets: random JSON values, and documents of the project with random edits.
//!
//! Random bytes alone rarely form a Task. Editing one value of a Task keeps the rest of it intact.

mod documents;
mod json;

pub use documents::{Edited, bases};
pub use json::{Json, is_readable};

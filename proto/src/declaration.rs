//! The declaration: what a Task's steps leave behind, and what becomes of it.
mod field_path;
mod model;
pub use field_path::{FieldPath, FieldPathError};
pub use model::*;

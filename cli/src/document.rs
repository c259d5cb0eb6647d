//! The files that a command reads: their text, their YAML documents, and findings about them.

mod finding;
mod source;

pub use finding::{Finding, Severity};
pub use source::{Source, SourceError};

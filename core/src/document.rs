//! Documents: the files that a command reads, objects on their way into a cluster, and findings about either.

pub mod diagnostic;
mod finding;
mod live;
mod source;
pub mod writer;
pub mod yaml;

pub use finding::{Finding, Severity};
pub use live::Live;
pub use source::{Source, SourceError};

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml::Node;

/// Knows where in a document the text of one of its scalars stands.
pub trait Locate {
    /// Moves a diagnostic about the text of the scalar `node` to its place in the document.
    #[must_use]
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic;
}

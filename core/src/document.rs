//! Documents: the files that a command reads, objects on their way into a cluster, and findings about either.

pub mod cursor;
pub mod diagnostic;
mod edit;
mod finding;
mod live;
mod location;
pub mod node;
pub mod place;
mod source;
pub mod suggestion;
pub mod writer;
pub mod yaml;

pub use cursor::{Cursor, Diagnostics};
pub use finding::{Finding, Severity};
pub use live::Live;
pub use location::Location;
pub use node::{Content, Key, Node};
pub use place::Place;
pub use source::Source;

use diagnostic::Diagnostic;

/// Knows where in a document the text of one of its scalars stands.
pub trait Locate {
    /// Moves a diagnostic about the text of the scalar `node` to its place in the document.
    #[must_use]
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic;
}

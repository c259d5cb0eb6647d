//! Documents: files that a command reads, objects that the webhook receives, and the findings about them.

pub mod cursor;
pub mod diagnostic;
mod edit;
mod finding;
mod live;
mod location;
pub mod node;
pub mod place;
mod scalar;
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

use diagnostic::{Diagnostic, Part};

/// Finds the positions of diagnostics in a document's source.
pub trait Locate {
    /// Sets the position of a diagnostic about the text inside the scalar `node`.
    #[must_use]
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic;

    /// Sets the position of a diagnostic about `document`, based on the diagnostic's place.
    #[must_use]
    fn settle(&self, document: &Node, diagnostic: Diagnostic) -> Diagnostic;
}

/// Implements [`Locate::settle`]; `rest` returns the text from a position to the end.
fn settled<'a>(
    document: &Node,
    diagnostic: Diagnostic,
    rest: impl FnOnce(Location) -> Option<&'a str>,
) -> Diagnostic {
    let place = &diagnostic.place;
    let exact = match diagnostic.part {
        Part::Whole => None,
        Part::Key => document.key_position(place),
        Part::Offset(offset) => document
            .find(place)
            .and_then(|node| scalar::position(rest(node.at)?, node.at, node.as_str()?, offset)),
    };
    let at = exact.or_else(|| match diagnostic.part {
        Part::Whole => diagnostic.at.filter(|at| *at != Location::default()),
        Part::Key | Part::Offset(_) => None,
    });
    let at = at.unwrap_or_else(|| document.position(place));
    Diagnostic {
        at: Some(at),
        ..diagnostic
    }
}

//! Objects that the webhook receives: JSON without line numbers.

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::Node;

use super::Locate;

/// A document without line numbers. A diagnostic about the annotation's text has a position in that text; any other diagnostic
/// has only a place.
#[derive(Debug, Clone, Copy)]
pub struct Live;

impl Locate for Live {
    fn locate(&self, _: &Node, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic
    }

    fn settle(&self, _: &Node, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic
    }
}

impl Live {
    /// Formats the diagnostic for users: `gleaner.dev/outputs:3:14: PLACE: MESSAGE; REMEDY`. If the diagnostic is not about the
    /// annotation's text, the annotation's name and the position are omitted.
    #[must_use]
    pub fn show(diagnostic: &Diagnostic) -> String {
        match diagnostic.at {
            Some(at) if at != Location::default() => {
                let annotation = gleaner_proto::kubernetes::annotation::OUTPUTS;
                format!("{annotation}:{at}: {diagnostic}")
            }
            _ => diagnostic.to_string(),
        }
    }
}

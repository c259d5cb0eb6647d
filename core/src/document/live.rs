//! Objects on their way into a cluster: JSON written by programs, without line numbers.

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::Node;

use super::Locate;

/// A document without lines. Positions are relative to the text of the annotation, the only ones that a user can find
/// again; all other diagnostics go by place.
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
    /// The diagnostic as shown: `gleaner.dev/outputs:3:14: PLACE: MESSAGE; REMEDY`, or without the first part if it is
    /// not about the text of the annotation.
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

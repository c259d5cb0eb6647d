//! An object on its way into a cluster: JSON that nobody wrote by hand and that has no lines.

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::Node;

use super::Locate;

/// A document without lines. Positions are those within the declaration's own text, which are the only ones that a
/// person can find again; everything else goes by its place.
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
    /// A diagnostic as it is shown: `gleaner.dev/outputs:3:14: PLACE: MESSAGE; REMEDY`, or without the first part where it is
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

//! The two syntaxes of a declaration: the annotation, and the syntax of the 2019 proposal.

use crate::declaration::{DECLARATION_MAX, Declaration};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Content, Key, Locate, Node, Place};

use super::proposal::Proposal;

/// A declaration as written, in either syntax.
pub(super) enum Syntax<'a> {
    Annotation(&'a Node),
    Proposal(Proposal),
}

impl Syntax<'_> {
    /// Returns the text of the annotation, or `None` for the proposal's syntax.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Annotation(node) => node.as_str(),
            Self::Proposal(_) => None,
        }
    }

    /// Returns the errors from converting the proposal's syntax.
    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Annotation(_) => &[],
            Self::Proposal(proposal) => proposal.diagnostics(),
        }
    }

    /// Parses the declaration. Fails if the declaration is too large, either as written or in the form that the sidecar receives:
    /// JSON with all aliases expanded.
    pub(super) fn parse(&self, annotation: &Place) -> Result<Node, Diagnostic> {
        let parsed = match self {
            Self::Proposal(proposal) => proposal.tree().clone(),
            Self::Annotation(node) => match node.as_str() {
                Some(text) => Declaration::parse_document(text)?,
                None => return Err(not_a_string(node, annotation)),
            },
        };
        let bytes = json_bytes(&parsed);
        if bytes > DECLARATION_MAX {
            let diagnostic = Declaration::too_large("as JSON, the declaration is", bytes);
            return Err(match self {
                Self::Annotation(_) => diagnostic,
                Self::Proposal(_) => Diagnostic {
                    at: Some(parsed.at),
                    ..diagnostic
                },
            });
        }
        Ok(parsed)
    }

    /// Converts the place and position of a diagnostic from the declaration to the document.
    pub(super) fn locate(
        &self,
        diagnostic: Diagnostic,
        annotation: &Place,
        source: &dyn Locate,
    ) -> Diagnostic {
        match self {
            Self::Proposal(proposal) => proposal.locate(diagnostic),
            Self::Annotation(_) if diagnostic.place == *annotation => diagnostic,
            Self::Annotation(node) => source.locate(node, diagnostic).in_annotation(annotation),
        }
    }
}

fn not_a_string(node: &Node, place: &Place) -> Diagnostic {
    let found = node.describe();
    let message = format!("an annotation must be a string, not {found}");
    let help = "use a block scalar: add '|' after the colon";
    Diagnostic::new(place, Some(node.at), message).help(help)
}

/// Returns the length of `node` as compact JSON, without counting the escapes in strings.
fn json_bytes(node: &Node) -> usize {
    match &node.content {
        Content::Null => 4,
        Content::Boolean(flag) => 5 - usize::from(*flag),
        Content::Number(number) => number.to_string().len(),
        Content::String(text) => text.len() + 2,
        Content::Sequence(items) => {
            2 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>()
        }
        Content::Mapping(entries) => {
            let entry = |(key, value): &(Key, Node)| key.name.len() + 4 + json_bytes(value);
            2 + entries.iter().map(entry).sum::<usize>()
        }
    }
}

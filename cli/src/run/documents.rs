//! Finds documents in the files by kind and name.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::suggestion::{nearest, suggestion};
use gleaner_core::document::{Finding, Node, Source};
use gleaner_core::task::site::{given_name, kind_of, metadata_name};

use crate::duplicates::{self, KINDS};

/// A document, and the file that contains it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) source: &'a Source,
    pub(crate) node: &'a Node,
}

/// All documents in the files.
#[derive(Debug)]
pub(crate) struct Documents<'a>(Vec<Document<'a>>);

// === impl Document ===

impl<'a> Document<'a> {
    pub(crate) fn kind(&self) -> &'a str {
        kind_of(self.node)
    }

    /// Returns the name, or the prefix of a generated name.
    pub(crate) fn name(&self) -> &'a str {
        metadata_name(self.node).unwrap_or_default()
    }

    /// Returns the name by which other documents can refer to this document. A `generateName` prefix is not such a name.
    pub(crate) fn given_name(&self) -> Option<&'a str> {
        given_name(self.node)
    }

    /// Returns the kind and the name, for messages.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.kind(), self.name())
    }

    pub(crate) fn namespace(&self) -> Option<&'a str> {
        self.node.descend(&["metadata", "namespace"])?.as_str()
    }

    /// Returns the file, line and column, for messages.
    pub(crate) fn position(&self) -> String {
        let at = self.node.at;
        format!("{}:{}:{}", self.source.name, at.line, at.column)
    }

    pub(crate) fn error(&self, diagnostic: Diagnostic) -> Finding {
        Finding::error(&*self.source.name, diagnostic)
    }

    pub(crate) fn errors(&self, found: Vec<Diagnostic>) -> Vec<Finding> {
        let errors = found.into_iter().map(|diagnostic| self.error(diagnostic));
        errors.collect()
    }
}

// === impl Documents ===

impl<'a> Documents<'a> {
    /// Collects the documents of `sources`.
    ///
    /// # Errors
    /// Fails if documents have the same kind, name and namespace. Each error contains both positions.
    pub(crate) fn new(sources: &'a [Source]) -> Result<Self, Vec<Finding>> {
        let all = sources.iter().flat_map(|source| {
            let nodes = source.documents.iter();
            nodes.map(move |node| Document { source, node })
        });
        let all: Vec<Document<'a>> = all.collect();
        let found = duplicates::find(sources, duplicates::Use::Run);
        if found.is_empty() {
            Ok(Self(all))
        } else {
            Err(found)
        }
    }

    /// Returns a note that lists the documents whose kinds a run does not use, or `None` if there are no such documents.
    pub(crate) fn others(&self) -> Option<String> {
        const SHOWN: usize = 10;
        let others = self.0.iter().filter(|one| !KINDS.contains(&one.kind()));
        let others: Vec<String> = others
            .map(|one| match one.node.text_of("kind") {
                Some(kind) => match nearest(kind, KINDS).filter(|meant| *meant != kind) {
                    Some(meant) => format!("{kind} {} (did you mean {meant}?)", one.name()),
                    None => format!("{kind} {}", one.name()),
                },
                None => format!("the document without a kind at {}", one.position()),
            })
            .collect();
        let more = others.len().saturating_sub(SHOWN);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let shown = others[..others.len().min(SHOWN)].join(", ");
        (!others.is_empty())
            .then(|| format!("this run does not use these documents: {shown}{more}"))
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Document<'a>> {
        let found = self.0.iter().filter(|document| document.kind() == kind);
        found.copied().collect()
    }

    /// Returns the document with this kind and name. If several namespaces have such a document, returns the one in `namespace`.
    ///
    /// # Errors
    /// A message, and a help text with a remedy, such as a similar name or a list of names.
    pub(crate) fn named(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> Result<Document<'a>, (String, Option<String>)> {
        let all = self.of_kind(kind);
        let of_name = all.iter().filter(|one| one.given_name() == Some(name));
        let found: Vec<&Document<'a>> = of_name.collect();
        let near = found.iter().copied().filter(|one| {
            let of_both = one.namespace().zip(namespace);
            of_both.is_none_or(|(own, other)| own == other)
        });
        let mut near: Vec<&Document<'a>> = near.collect();
        if near.len() > 1 {
            near.retain(|document| document.namespace() == namespace);
        }
        match (near.as_slice(), found.as_slice(), namespace) {
            ([only], ..) => Ok(**only),
            // Tekton looks up references in the namespace of the run, so a document in a different namespace is not found.
            ([], [other, ..], Some(namespace)) => {
                let own = other.namespace().unwrap_or_default();
                let message = format!(
                    "the {kind} '{name}' at {} is in the namespace '{own}', not in '{namespace}'",
                    other.position()
                );
                let help = "set the same namespace in both documents, or remove it from both";
                Err((message, Some(help.to_owned())))
            }
            _ => {
                let help = suggestion(name, all.iter().filter_map(Document::given_name));
                let help = help.unwrap_or_else(|| "pass its file with -f".to_owned());
                Err((format!("no file contains the {kind} '{name}'"), Some(help)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_suggested_for_a_missing_document() {
        let text = "{kind: Task, metadata: {name: build}}";
        let sources = [Source::parse("a".to_owned(), text.to_owned()).unwrap()];
        let documents = Documents::new(&sources).unwrap();
        let (message, help) = documents.named("Task", "biuld", None).unwrap_err();
        assert_eq!(message, "no file contains the Task 'biuld'");
        assert_eq!(help.as_deref(), Some("did you mean 'build'?"));
        assert!(documents.named("Task", "build", Some("ci")).is_ok());
    }
}

//! Finds documents with the same kind, name and namespace: `kubectl apply` would keep only the last of these documents, and a run
//! could not choose between them.

use std::collections::HashMap;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Node, Place, Source};
use gleaner_core::task::site::{given_name, kind_of};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;

/// The kinds that a run uses.
pub(crate) const KINDS: [&str; 5] = ["Task", "Pipeline", "StepAction", "TaskRun", "PipelineRun"];

/// The purpose for which documents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The documents form one run.
    Run,
    /// The documents will be applied to a cluster. Tekton's `v1alpha1` documents must be translated first, so the files may
    /// contain both an object and its translation.
    Cluster,
}

/// Returns an error for each document with the same kind, name and namespace as an earlier document. The error contains both
/// positions. Only PipelineResources and the kinds in [`KINDS`] are checked.
pub(crate) fn find<'a>(sources: impl IntoIterator<Item = &'a Source>, usage: Use) -> Vec<Finding> {
    let mut last = HashMap::new();
    let mut found = Vec::new();
    for source in sources {
        for node in &source.documents {
            let kind = kind_of(node);
            let version = node.text_of("apiVersion").unwrap_or_default();
            let is_resource = kind == PIPELINE_RESOURCE_KIND && version.starts_with("tekton.dev/");
            let is_known = is_resource || KINDS.contains(&kind);
            // Only a full name identifies an object; a `generateName` prefix does not.
            let (true, Some(name)) = (is_known, given_name(node)) else {
                continue;
            };
            let namespace = node.descend(&["metadata", "namespace"]);
            let namespace = namespace.and_then(Node::as_str);
            let is_apart = usage == Use::Cluster && is_old(node);
            let here = (&source.name, node.at);
            if let Some((file, at)) = last.insert((kind, name, namespace, is_apart), here) {
                let position = format!("{file}:{}:{}", at.line, at.column);
                let message = format!("duplicate {kind} '{name}', also at {position}");
                let diagnostic = Diagnostic::new(Place::root(), Some(node.at), message);
                let diagnostic = diagnostic.help("rename or remove one of them");
                found.push(Finding::error(&*source.name, diagnostic));
            }
        }
    }
    found
}

/// Returns true if Tekton no longer serves the document's version. A `v1alpha1` StepAction is not old, because StepActions were
/// introduced in that version.
fn is_old(node: &Node) -> bool {
    node.text_of("apiVersion") == Some("tekton.dev/v1alpha1") && kind_of(node) != "StepAction"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source::parse(name.to_owned(), text.to_owned()).unwrap()
    }

    #[test]
    fn a_duplicate_is_reported_with_both_positions() {
        let task = |name: &str| format!("{{kind: Task, metadata: {{name: {name}}}}}\n");
        let sources = [
            source("a", &task("x")),
            source("b", &format!("{}---\n{}", task("y"), task("x"))),
        ];
        let found = find(&sources, Use::Cluster);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "b:3:1: error: duplicate Task 'x', also at a:1:1; rename or remove one of them"
        );
    }

    #[test]
    fn similar_documents_are_not_duplicates() {
        let documents = [
            "{kind: Task, metadata: {name: x}}",
            "{kind: Task, metadata: {name: x, namespace: other}}",
            "{kind: Pipeline, metadata: {name: x}}",
            "{apiVersion: a.b/v1, kind: Task, metadata: {name: x}}",
            "{kind: TaskRun, metadata: {generateName: x-}}",
            "{kind: TaskRun, metadata: {generateName: x-}}",
            "{kind: ConfigMap, metadata: {name: x}}",
            "{kind: ConfigMap, metadata: {name: x}}",
        ];
        let source = source("a", &documents.join("\n---\n"));
        assert_eq!(find([&source], Use::Cluster), []);
        assert_eq!(find([&source], Use::Run), []);
    }

    #[test]
    fn an_alpha_document_and_its_translation_are_duplicates_only_in_a_run() {
        let task = |version: &str| {
            format!("{{apiVersion: tekton.dev/{version}, kind: Task, metadata: {{name: x}}}}")
        };
        let sources = [source("a", &task("v1alpha1")), source("b", &task("v1"))];
        assert_eq!(find(&sources, Use::Cluster), []);
        assert_eq!(find(&sources, Use::Run).len(), 1);
        let sources = [source("a", &task("v1beta1")), source("b", &task("v1"))];
        assert_eq!(find(&sources, Use::Cluster).len(), 1);
        let twice = [
            source("a", &task("v1alpha1")),
            source("b", &task("v1alpha1")),
        ];
        assert_eq!(find(&twice, Use::Cluster).len(), 1);
    }
}

//! Finds the TaskSpec or PipelineSpec of a run or pipeline task, either embedded or in a referenced document.

use std::collections::BTreeSet;

use gleaner_core::document::{Cursor, Diagnostics, Finding, Place};
use gleaner_core::variable::Reference;

use super::documents::{Document, Documents};
use super::fields::{self, Kind};
use super::model::Params;
use super::task_source::{self, ReadTask};
use super::variable;
use crate::values::as_text;

/// The kind Task or Pipeline, and the names of the fields that embed or reference an object of this kind.
pub(crate) struct Referable {
    kind: &'static str,
    spec: &'static str,
    reference: &'static str,
    /// A minimal spec, shown as an example in messages.
    example: &'static str,
}

pub(crate) const TASK: Referable = Referable {
    kind: "Task",
    spec: "taskSpec",
    reference: "taskRef",
    example: "{steps: []}",
};

pub(crate) const PIPELINE: Referable = Referable {
    kind: "Pipeline",
    spec: "pipelineSpec",
    reference: "pipelineRef",
    example: "{tasks: []}",
};

/// The spec that a run or pipeline task embeds, or its reference to a document.
pub(crate) enum Given<'a> {
    Spec(Cursor<'a>),
    Reference(Cursor<'a>),
}

// === impl Referable ===

impl Referable {
    /// Returns the spec or the reference in `parent`, which is a run or a pipeline task. If there is an error, adds it to
    /// `found` and returns `None`.
    pub(crate) fn given_by<'a>(
        &self,
        parent: &Cursor<'a>,
        what: &str,
        found: &mut Diagnostics,
    ) -> Option<Given<'a>> {
        let (spec, reference) = (self.spec, self.reference);
        match (parent.field(spec), parent.field(reference)) {
            (Some(spec), None) => Some(Given::Spec(spec)),
            (None, Some(reference)) => Some(Given::Reference(reference)),
            (Some(_), Some(both)) => {
                let message = format!("the {what} has both {reference} and {spec}");
                found.refuse(&both, message, "keep one of them");
                None
            }
            (None, None) => {
                let message = format!("the {what} does not specify a {}", self.kind);
                found.refuse(parent, message, self.help());
                None
            }
        }
    }

    /// Returns the document that `reference` names, and its spec. If there is an error, adds it to `found` and returns `None`.
    /// The name may contain variables for the Pipeline's parameters, whose values are in `params`.
    pub(crate) fn resolve<'a>(
        &self,
        reference: &Cursor<'_>,
        namespace: Option<&str>,
        params: Option<&Params>,
        documents: &Documents<'a>,
        cluster: &mut BTreeSet<&'static str>,
        found: &mut Diagnostics,
    ) -> Option<(Document<'a>, Cursor<'a>)> {
        fields::check(reference, Kind::Reference, found, cluster);
        let own = self.kind;
        let kind = reference.text_at("kind", found).unwrap_or_default();
        let version = reference.text_at("apiVersion", found).unwrap_or_default();
        let wrong = if !["", own].contains(&kind.as_str()) {
            Some(kind)
        } else if !(version.is_empty() || version.starts_with("tekton.dev/")) {
            Some(format!("{version} {own}"))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let message = format!("`gleaner run` supports only a {own} here, not '{wrong}'");
            found.refuse(reference, message, format!("use a {own} in the files"));
            return None;
        }
        let name = reference.field("name");
        let Some(name) = name.filter(|name| name.node.as_str() != Some("")) else {
            // A remote reference was already rejected with a more specific message.
            let is_remote = |field: &str| fields::is_set(reference, field);
            if !["resolver", "bundle"].into_iter().any(is_remote) {
                found.refuse(reference, "'name' is missing", self.help());
            }
            return None;
        };
        let text = name_of(&name, params, found)?;
        let text = text.as_str();
        let document = match documents.named(own, text, namespace) {
            Ok(document) => document,
            Err((message, help)) => {
                found.add(&name, message, help);
                return None;
            }
        };
        let Some(spec) = document.node.present("spec") else {
            let message = format!("the {own} '{text}' at {} has no spec", document.position());
            found.refuse(&name, message, format!("write spec: {}", self.example));
            return None;
        };
        Some((document, Cursor::new(spec, Place::from(["spec"]))))
    }

    fn help(&self) -> String {
        format!("write {}: {{name: NAME}}", self.reference)
    }
}

/// Returns the name after replacing the variables for the Pipeline's parameters (Tekton's `docs/variables.md`).
fn name_of(name: &Cursor<'_>, params: Option<&Params>, found: &mut Diagnostics) -> Option<String> {
    let text = name.text(found)?;
    let replaced = variable::replace(text, |inner| match Reference::parse(inner) {
        Ok(ref reference @ Reference::Param { ref name, .. }) => {
            let value = params.and_then(|params| params.get(name));
            let value = value.map(|value| reference.reach(value).map(as_text));
            value.transpose()
        }
        _ => Ok(None),
    });
    replaced.map_err(|error| found.add(name, error, None)).ok()
}

/// Reads the Task that a `taskRef` names. If the reference is invalid, adds the error to `found` and returns `None`.
///
/// # Errors
/// All errors in the Task.
pub(crate) fn task(
    reference: &Cursor<'_>,
    namespace: Option<&str>,
    params: Option<&Params>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
    found: &mut Diagnostics,
) -> Result<Option<ReadTask>, Vec<Finding>> {
    let resolved = TASK.resolve(reference, namespace, params, documents, cluster, found);
    let read = resolved
        .map(|(document, spec)| task_source::read(document, &spec.place, None, documents, cluster));
    read.transpose()
}

//! Translates all documents in all files. Each document is translated after those that it depends on: first Tasks, then
//! Pipelines, then runs.

use gleaner_core::document::{Cursor, Finding, Place, Source};
use serde_json::Value;

use crate::catalogue::{Catalogue, Fetched, Missing};
use crate::draft::{Draft, Position};
use crate::inner;
use crate::interface::Interfaces;
use crate::kind::Kind;

/// The settings of a translation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The image of the clone step, which must contain git and `/bin/sh`.
    pub git_image: String,
    /// True if the output includes the PipelineResources, unchanged.
    pub keep_resources: bool,
}

/// The reasons why documents cannot be translated.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// All errors in the documents, ordered by file and line.
    pub findings: Vec<Finding>,
    /// The PipelineResources that were not found. If the caller passes them in [`Fetched`], the translation may succeed.
    pub missing: Vec<Missing>,
}

/// Translated documents.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The documents, in the same order as in the files.
    pub documents: Vec<Value>,
    /// For each document, the index of its original among the documents of all sources.
    pub originals: Vec<usize>,
    /// Differences between old and new versions of Tekton that a user should review.
    pub warnings: Vec<Finding>,
}

/// Translates all documents in `sources` to Tekton v1. Looks up PipelineResources in `sources`, and then in `fetched`.
///
/// # Errors
/// All errors in the documents.
pub fn translate(
    sources: &[Source],
    fetched: Option<&Fetched>,
    settings: &Settings,
) -> Result<Translation, Refusal> {
    let mut catalogue = Catalogue::new(fetched);
    let mut drafts = Vec::new();
    let mut outers = Vec::new();
    for source in sources {
        for document in &source.documents {
            let outer = outers.len();
            let inner = inner::objects(document);
            outers.push((!inner.is_empty()).then(|| document.to_json()));
            if inner.is_empty() {
                drafts.push(Draft::new(source, document, Position::whole(outer)));
            }
            drafts.extend(inner.into_iter().map(|inner| {
                let place = Some(inner.place);
                Draft::new(source, inner.node, Position { outer, place })
            }));
        }
    }
    for draft in &drafts {
        if draft.kind == Kind::Resource {
            let place = draft.position.place.clone().unwrap_or_default();
            let document = Cursor::new(&draft.document, place);
            catalogue.add(&document, &draft.source.name, draft.position.shared());
        }
    }
    let mut known = Interfaces::default();
    for draft in &mut drafts {
        draft.tasks();
        if draft.kind == Kind::Task
            && let Some(interface) = draft.interfaces.get(&Place::from(["spec"]))
        {
            let name = draft.metadata("name").unwrap_or_default();
            known.tasks.insert(name, interface.clone());
        }
    }
    for draft in &mut drafts {
        let Some((place, interface)) = draft.pipeline(&known, &catalogue) else {
            continue;
        };
        if draft.kind == Kind::Pipeline {
            let name = draft.metadata("name").unwrap_or_default();
            known.pipelines.insert(name, interface);
        } else {
            draft.interfaces.insert(place, interface);
        }
    }
    for draft in &mut drafts {
        draft.run(&known, &catalogue);
        draft.finish(&known, settings);
    }
    let mut findings: Vec<Finding> = catalogue.findings().collect();
    let mut warnings = Vec::new();
    let mut documents = outers;
    // Replace the objects in reverse order, because removing a PipelineResource from a list shifts the items after it.
    for draft in drafts.into_iter().rev() {
        let outer = &mut documents[draft.position.outer];
        let is_kept = settings.keep_resources || draft.kind != Kind::Resource;
        match &draft.position.place {
            None => *outer = is_kept.then(|| draft.written()),
            Some(place) => inner::replace(outer, place, is_kept.then(|| draft.written())),
        }
        let (wrong, doubtful) = draft.findings();
        findings.extend(wrong);
        warnings.extend(doubtful);
    }
    let rank = |finding: &Finding| {
        let mut names = sources.iter().map(|source| &source.name);
        let file = names.position(|name| *name == finding.file);
        (file.unwrap_or(usize::MAX), finding.diagnostic.at)
    };
    if findings.is_empty() {
        warnings.sort_by_key(rank);
        let documents = documents.into_iter().enumerate();
        let (originals, documents) = documents
            .filter_map(|(original, document)| Some((original, document?)))
            .unzip();
        return Ok(Translation {
            documents,
            originals,
            warnings,
        });
    }
    findings.sort_by_key(rank);
    // Remove duplicates, because a PipelineResource is checked twice if it is bound and also included in the output.
    findings.dedup();
    let missing = catalogue.missing();
    Err(Refusal { findings, missing })
}

//! All documents of all files, in the order of their dependencies: Tasks, Pipelines, runs.

use std::collections::HashMap;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Finding, Node, Place, Source};
use gleaner_core::task::DeclarationSite;
use gleaner_proto::kubernetes::{PIPELINE_RESOURCE_KIND, RUN_API_VERSION, annotation};
use serde_json::Value;

use crate::catalogue::{Catalogue, Fetched, Missing};
use crate::interface::{Interface, Interfaces, referred};
use crate::pipeline::{self, Surroundings};
use crate::{binding, git_source, outputs, shape, task, versions};

/// The settings of a translation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The image of the step that clones a git input; it needs git and `/bin/sh`.
    pub git_image: String,
    /// Keeps the PipelineResources among the translated documents.
    pub keep_resources: bool,
}

/// The reasons why documents cannot be translated.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Everything that is wrong with the documents, in the order of the files.
    pub findings: Vec<Finding>,
    /// The PipelineResources that could not be found. With these in [`Fetched`], the translation may succeed.
    pub missing: Vec<Missing>,
}

/// Translates all documents of `sources` to Tekton v1. PipelineResources that are in none of them are taken from `fetched`.
///
/// # Errors
/// Everything that is wrong with the documents.
pub fn translate(
    sources: &[Source],
    fetched: Option<&Fetched>,
    settings: &Settings,
) -> Result<Vec<Value>, Refusal> {
    let catalogue = Catalogue::new(sources, fetched);
    let mut drafts = Vec::new();
    for source in sources {
        let documents = source.documents.iter();
        drafts.extend(documents.map(|document| Draft::new(source, document)));
    }
    let mut known = Interfaces::default();
    for draft in &mut drafts {
        draft.tasks(&settings.git_image);
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
    }
    let mut findings: Vec<Finding> = catalogue.findings().collect();
    let mut documents = Vec::new();
    for draft in drafts {
        if settings.keep_resources || draft.kind != Kind::Resource {
            documents.push(draft.written());
        }
        findings.extend(draft.findings());
    }
    if findings.is_empty() {
        return Ok(documents);
    }
    findings.sort_by_key(|finding| {
        let mut names = sources.iter().map(|source| &source.name);
        let file = names.position(|name| *name == finding.file);
        (file.unwrap_or(usize::MAX), finding.diagnostic.at)
    });
    let missing = catalogue.missing();
    Err(Refusal { findings, missing })
}

/// A document that is being translated.
struct Draft<'a> {
    source: &'a Source,
    found: Diagnostics,
    kind: Kind,
    document: Node,
    /// The interfaces of the TaskSpecs and PipelineSpecs in it, by place.
    interfaces: HashMap<Place, Interface>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
    Resource,
    /// It stays as it is.
    Other,
}

impl Kind {
    /// The kind of a document; reports one that Tekton removed.
    fn of(document: &Node, found: &mut Diagnostics) -> Self {
        let version = document.text_of("apiVersion").unwrap_or_default();
        let Some(kind) = Cursor::root(document).field("kind") else {
            return Self::Other;
        };
        if !version.is_empty() && !version.starts_with("tekton.dev/") {
            return Self::Other;
        }
        let name = kind.node.as_str().unwrap_or_default();
        let help = match name {
            "Task" => return Self::Task,
            "TaskRun" => return Self::TaskRun,
            "Pipeline" => return Self::Pipeline,
            "PipelineRun" => return Self::PipelineRun,
            PIPELINE_RESOURCE_KIND => return Self::Resource,
            "ClusterTask" => {
                "make it a Task, and refer to it from other namespaces with the cluster resolver"
            }
            "Condition" => "use when: with a result of a task that does what the Condition did",
            "Run" => "use a CustomRun",
            _ => return Self::Other,
        };
        let message = format!("Tekton has no kind {name} any more");
        found.push(kind.diagnostic(message).help(help));
        Self::Other
    }

    /// Returns true if its version becomes v1.
    const fn is_translated(self) -> bool {
        !matches!(self, Self::Resource | Self::Other)
    }
}

impl<'a> Draft<'a> {
    fn new(source: &'a Source, document: &Node) -> Self {
        let mut found = Diagnostics::default();
        let mut kind = Kind::of(document, &mut found);
        if kind.is_translated() && !shape::check(document, &mut found) {
            kind = Kind::Other;
        }
        Self {
            source,
            found,
            kind,
            document: document.clone(),
            interfaces: HashMap::new(),
        }
    }

    fn metadata(&self, key: &str) -> Option<String> {
        let text = self.document.get("metadata")?.text_of(key)?;
        Some(text.to_owned())
    }

    /// Translates every TaskSpec in the document.
    fn tasks(&mut self, git_image: &str) {
        if !self.kind.is_translated() {
            return;
        }
        let sites = DeclarationSite::all(&self.document);
        let places = sites.iter().filter_map(DeclarationSite::task_spec);
        for place in places.cloned().collect::<Vec<_>>() {
            let interface = self.task(&place);
            self.interfaces.insert(place, interface);
        }
        let kind = self.kind;
        let (document, found) = (&mut self.document, &mut self.found);
        let host = |place: &Place| host(kind, place);
        let declared = outputs::move_to_annotations(document, host, self.source, found);
        for (place, declaration) in declared {
            let interface = self.interfaces.entry(place).or_default();
            interface.creates(&declaration);
        }
        // The indices of the steps, which the findings about the declaration name, change only now.
        for (place, interface) in &self.interfaces {
            let spec = at(&mut self.document, place);
            git_source::prepend(spec, &interface.resources, git_image);
        }
    }

    fn task(&mut self, place: &Place) -> Interface {
        let annotation = host(self.kind, place).join(&Place::of_annotation(annotation::OUTPUTS));
        // A copy: the TaskSpec is changed at the same time, and the annotation may be in it.
        let mut declaration = self.document.find(&annotation).cloned();
        let interface = task::translate(
            at(&mut self.document, place),
            place,
            declaration.as_mut().map(|node| (node, &annotation)),
            self.source,
            &mut self.found,
        );
        if let Some(declaration) = declaration {
            *at(&mut self.document, &annotation) = declaration;
        }
        interface
    }

    /// Translates the PipelineSpec in the document; returns its place and its interface.
    fn pipeline(
        &mut self,
        known: &Interfaces,
        catalogue: &Catalogue,
    ) -> Option<(Place, Interface)> {
        let keys: &[&str] = match self.kind {
            Kind::Pipeline => &["spec"],
            Kind::PipelineRun => &["spec", "pipelineSpec"],
            _ => return None,
        };
        let place = Cursor::root(&self.document).descend(keys)?.place;
        let namespace = self.metadata("namespace");
        let around = Surroundings {
            known,
            embedded: &self.interfaces,
            catalogue,
            namespace: namespace.as_deref(),
            source: self.source,
        };
        let spec = at(&mut self.document, &place);
        let interface = pipeline::translate(spec, &place, &around, &mut self.found);
        Some((place, interface))
    }

    /// Binds the resources of a run.
    fn run(&mut self, known: &Interfaces, catalogue: &Catalogue) {
        let namespace = self.metadata("namespace");
        let Some(spec) = self.document.field_mut("spec") else {
            return;
        };
        let (embedded, reference, known, title) = match self.kind {
            Kind::PipelineRun => {
                versions::pipeline_run(spec, &mut self.found);
                let known = &known.pipelines;
                ("pipelineSpec", "pipelineRef", known, "the Pipeline")
            }
            Kind::TaskRun => {
                versions::task_run(spec, &mut self.found);
                ("taskSpec", "taskRef", &known.tasks, "the Task")
            }
            _ => return,
        };
        let embedded = self.interfaces.get(&Place::from(["spec", embedded]));
        let interface = embedded.or_else(|| referred(known, spec.present(reference)));
        let (place, bound) = (Place::from(["spec"]), (title, interface));
        binding::replace_all(
            spec,
            &place,
            bound,
            &mut self.found,
            |binding, resource, _, found| {
                if let Some(from) = binding.from.first() {
                    let place = binding.cursor.place.key("from");
                    let message = "only a task of a Pipeline comes after others";
                    found.push(Diagnostic::new(place, from.at(), message).help("remove it"));
                }
                binding.resolve(catalogue, namespace.as_deref(), resource, found)
            },
        );
    }

    fn written(&self) -> Value {
        if !self.kind.is_translated() {
            return self.document.to_json();
        }
        let mut document = self.document.clone();
        document.put("apiVersion", Node::derived(document.at, RUN_API_VERSION));
        // A controller wrote it, for another version.
        document.take("status");
        if let Some(entries) = document.entries_mut() {
            entries.sort_by_key(|(key, _)| rank(&key.name));
        }
        document.to_json()
    }

    fn findings(self) -> impl Iterator<Item = Finding> {
        let name = &self.source.name;
        let found = self.found.into_vec().into_iter();
        found.map(move |diagnostic| Finding::error(name, diagnostic))
    }
}

/// The node at a place that was read from `document`.
fn at<'a>(document: &'a mut Node, place: &Place) -> &'a mut Node {
    document
        .find_mut(place)
        .expect("invariant: TaskSpecs, PipelineSpecs and annotations stay where they are")
}

/// The rank of a document's field: the fields that identify the document come first.
fn rank(key: &str) -> usize {
    const FIRST: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
    let rank = FIRST.iter().position(|first| *first == key);
    rank.unwrap_or(FIRST.len())
}

/// The place of the object with the metadata of the TaskSpec at `place`: that of an embedded one is in itself.
fn host(kind: Kind, place: &Place) -> Place {
    match kind {
        Kind::Pipeline | Kind::PipelineRun => place.clone(),
        _ => Place::root(),
    }
}

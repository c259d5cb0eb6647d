//! All documents of all files, in the order in which they depend on each other: Tasks, Pipelines, runs.

use std::collections::BTreeMap;

use gleaner_core::document::yaml::{Content, Node};
use gleaner_core::document::{Finding, Source};
use gleaner_proto::kubernetes::{PIPELINE_RESOURCE_KIND, RUN_API_VERSION};
use serde_json::Value;

use crate::catalogue::{Catalogue, Fetched, Missing};
use crate::desk::Desk;
use crate::edit::{Edit, present, text, text_of};
use crate::interface::{Interface, Interfaces};
use crate::pipeline::{self, Surroundings};
use crate::{git_source, outputs, run, task, versions};

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
    let catalogue = &Catalogue::new(sources, fetched);
    let mut drafts: Vec<Draft<'_>> = Draft::all(sources);
    let mut known = Interfaces::default();
    for draft in &mut drafts {
        draft.tasks(&settings.git_image);
        if let (Kind::Task, Some(interface)) = (draft.kind, draft.interfaces.get("spec")) {
            known.tasks.insert(draft.name(), interface.clone());
        }
    }
    for draft in &mut drafts {
        let Some(place) = draft.pipeline_place() else {
            continue;
        };
        let interface = draft.pipeline(place, &known, catalogue);
        match draft.kind {
            Kind::Pipeline => drop(known.pipelines.insert(draft.name(), interface)),
            _ => drop(draft.interfaces.insert(place.to_owned(), interface)),
        }
    }
    for draft in &mut drafts {
        draft.run(&known, catalogue);
    }
    let mut findings = Vec::new();
    let mut documents = Vec::new();
    for draft in drafts {
        if settings.keep_resources || draft.kind != Kind::Resource {
            documents.push(draft.written());
        }
        findings.extend(draft.desk.findings);
    }
    if findings.is_empty() {
        return Ok(documents);
    }
    findings.sort_by_key(|finding| {
        let file = sources
            .iter()
            .position(|source| source.name == finding.file);
        (file.unwrap_or(usize::MAX), finding.diagnostic.at)
    });
    // Two runs may refer to the same resource.
    findings.dedup();
    let missing = catalogue.missing();
    Err(Refusal { findings, missing })
}

/// A document on its way.
struct Draft<'a> {
    desk: Desk<'a>,
    kind: Kind,
    document: Node,
    /// Of the TaskSpecs and PipelineSpecs in it, by place.
    interfaces: BTreeMap<String, Interface>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
    Resource,
    /// Of no concern, and left as it is.
    Other,
}

impl Kind {
    /// The kind of a document; complains of kinds that Tekton had and has no more.
    fn of(document: &Node, desk: &mut Desk<'_>) -> Self {
        let version = text_of(document, "apiVersion").unwrap_or_default();
        if !version.is_empty() && !version.starts_with("tekton.dev/") {
            return Self::Other;
        }
        let kind = text_of(document, "kind").unwrap_or_default();
        let gone = match kind {
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
        let node = document.get("kind").unwrap_or(document);
        let message = format!("Tekton has no kind {kind} any more");
        desk.complain("kind", node, message, gone);
        Self::Other
    }

    /// Whether its version is Tekton's own, v1 today.
    const fn is_translated(self) -> bool {
        !matches!(self, Self::Resource | Self::Other)
    }
}

impl<'a> Draft<'a> {
    fn all(sources: &'a [Source]) -> Vec<Self> {
        let mut drafts = Vec::new();
        for source in sources {
            for document in &source.documents {
                let mut desk = Desk::new(source);
                let kind = Kind::of(document, &mut desk);
                let sound = !kind.is_translated() || is_sound(document, &mut desk);
                drafts.push(Self {
                    kind: if sound { kind } else { Kind::Other },
                    desk,
                    document: document.clone(),
                    interfaces: BTreeMap::new(),
                });
            }
        }
        drafts
    }

    fn name(&self) -> String {
        self.said("name").unwrap_or_default().to_owned()
    }

    fn said(&self, key: &str) -> Option<&str> {
        text_of(self.document.get("metadata")?, key)
    }

    /// Translates every TaskSpec in the document.
    fn tasks(&mut self, git_image: &str) {
        if !self.kind.is_translated() {
            return;
        }
        let places = task_places(&self.document, self.kind);
        for place in &places {
            let interface = self.task(place);
            self.interfaces.insert(place.clone(), interface);
        }
        let declared = outputs::settle(&mut self.document, &mut self.desk);
        for (place, interface) in &mut self.interfaces {
            if let Some(found) = declared.get(place) {
                interface.makes(&found.declaration);
            }
            // Last of all: it moves the steps, whose places the declaration's errors have named.
            let spec = outputs::descend(&mut self.document, place);
            git_source::prepend(spec, &interface.inputs, git_image);
        }
    }

    fn task(&mut self, place: &str) -> Interface {
        // The TaskSpec and the annotation beside it are both to be changed: one of them steps out.
        let mut spec = outputs::descend(&mut self.document, place).clone();
        let beside = match place {
            "spec" | "spec.taskSpec" => &mut self.document,
            _ => outputs::descend(&mut self.document, place),
        };
        let annotation = outputs::annotation_mut(beside);
        let interface = task::translate(&mut spec, place, annotation, &mut self.desk);
        if !matches!(place, "spec" | "spec.taskSpec") {
            let metadata = outputs::descend(&mut self.document, place).take("metadata");
            if let Some(metadata) = metadata {
                spec.take("metadata");
                spec.put_first("metadata", metadata);
            }
        }
        *outputs::descend(&mut self.document, place) = spec;
        interface
    }

    /// Where the document holds a PipelineSpec.
    fn pipeline_place(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Pipeline => Some("spec").filter(|key| present(&self.document, key).is_some()),
            Kind::PipelineRun => {
                let spec = present(&self.document, "spec")?;
                present(spec, "pipelineSpec").map(|_| "spec.pipelineSpec")
            }
            _ => None,
        }
    }

    fn pipeline(&mut self, place: &str, known: &Interfaces, catalogue: &Catalogue) -> Interface {
        let namespace = self.said("namespace").map(str::to_owned);
        let around = Surroundings {
            known,
            embedded: &self.interfaces,
            catalogue,
            namespace: namespace.as_deref(),
        };
        let spec = outputs::descend(&mut self.document, place);
        pipeline::translate(spec, place, &around, &mut self.desk)
    }

    /// Binds what a run names.
    fn run(&mut self, known: &Interfaces, catalogue: &Catalogue) {
        let namespace = self.said("namespace").map(str::to_owned);
        let Some(spec) = self.document.field_mut("spec") else {
            return;
        };
        let (embedded, reference, known, of) = match self.kind {
            Kind::PipelineRun => {
                versions::pipeline_run(spec, "spec", &mut self.desk);
                (
                    "pipelineSpec",
                    "pipelineRef",
                    &known.pipelines,
                    "the Pipeline",
                )
            }
            Kind::TaskRun => {
                versions::task_run(spec, "spec", &mut self.desk);
                ("taskSpec", "taskRef", &known.tasks, "the Task")
            }
            _ => return,
        };
        let embedded = self.interfaces.get(&format!("spec.{embedded}"));
        let interface = embedded.or_else(|| Interfaces::referred(known, present(spec, reference)));
        run::translate(
            spec,
            (of, interface),
            catalogue,
            namespace.as_deref(),
            &mut self.desk,
        );
    }

    /// As it is printed.
    fn written(&self) -> Value {
        if !self.kind.is_translated() {
            return self.document.to_json();
        }
        let mut document = self.document.clone();
        document.put("apiVersion", text(document.at, RUN_API_VERSION));
        // What a controller wrote, in the shape of another version.
        document.take("status");
        outputs::ordered(&document)
    }
}

/// Whether what is to be edited has the form that Kubernetes asks for; complains of what has not.
fn is_sound(document: &Node, desk: &mut Desk<'_>) -> bool {
    const MAPS: [&str; 4] = [
        "metadata",
        "metadata.annotations",
        "spec",
        "spec.taskRunTemplate",
    ];
    const LISTS: [&str; 7] = [
        "params",
        "steps",
        "sidecars",
        "tasks",
        "finally",
        "taskRunSpecs",
        "runAfter",
    ];
    fn lists(node: &Node, place: &str, desk: &mut Desk<'_>) {
        for (key, child) in node.mapping().unwrap_or_default() {
            let place = format!("{place}.{}", key.name);
            if LISTS.contains(&key.name.as_str()) && child.content != Content::Null {
                desk.items(child, &place);
            }
            if ["taskSpec", "pipelineSpec"].contains(&key.name.as_str()) {
                lists(child, &place, desk);
            }
            if ["tasks", "finally"].contains(&key.name.as_str()) {
                for (index, task) in child.sequence().unwrap_or_default().iter().enumerate() {
                    lists(task, &format!("{place}[{index}]"), desk);
                }
            }
        }
    }
    let before = desk.findings.len();
    for place in MAPS {
        let mut parts = place.split('.');
        let found = parts.try_fold(document, |node, key| present(node, key));
        if let Some(node) = found.filter(|node| node.mapping().is_none()) {
            let message = format!("must be a map, this is {}", node.describe());
            desk.complain_at(place, node.at, message, None);
        }
    }
    if let Some(spec) = present(document, "spec") {
        lists(spec, "spec", desk);
    }
    desk.findings.len() == before
}

/// The places of all TaskSpecs in a document.
fn task_places(document: &Node, kind: Kind) -> Vec<String> {
    let spec = present(document, "spec");
    match (kind, spec) {
        (Kind::Task, Some(_)) => vec!["spec".to_owned()],
        (Kind::TaskRun, Some(spec)) if present(spec, "taskSpec").is_some() => {
            vec!["spec.taskSpec".to_owned()]
        }
        (Kind::Pipeline, Some(spec)) => embedded(spec, "spec"),
        (Kind::PipelineRun, Some(spec)) => present(spec, "pipelineSpec")
            .map(|spec| embedded(spec, "spec.pipelineSpec"))
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn embedded(spec: &Node, place: &str) -> Vec<String> {
    let mut places = Vec::new();
    for list in ["tasks", "finally"] {
        let items = spec.get(list).and_then(Node::sequence).unwrap_or_default();
        for (index, task) in items.iter().enumerate() {
            let place = format!("{place}.{list}[{index}]");
            if present(task, "taskSpec").is_some() {
                places.push(format!("{place}.taskSpec"));
            } else if let Some(spec) = present(task, "pipelineSpec") {
                places.extend(embedded(spec, &format!("{place}.pipelineSpec")));
            }
        }
    }
    places
}

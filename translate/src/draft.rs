//! A document that is being translated to Tekton v1. The document's Tasks are translated first, then its Pipeline, then its
//! bindings.

use std::collections::HashMap;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Finding, Node, Place, Severity, Source};
use gleaner_core::task::DeclarationSite;
use gleaner_core::task::fields;
use gleaner_proto::kubernetes::{RUN_API_VERSION, annotation};
use serde_json::Value;

use crate::catalogue::{Catalogue, Referrer};
use crate::documents::Settings;
use crate::input_resource::InputResource;
use crate::interface::{Interface, Interfaces, referred};
use crate::kind::{Kind, Version};
use crate::passed_variables::PassedVariables;
use crate::pipeline::{self, Surroundings};
use crate::{
    binding, created, field_names, git_source, kept_resource, outputs, run_fields, shape, task,
};
use crate::{variables, working_directory};

/// The position of a Tekton object among the documents.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    /// The index of the document.
    pub(crate) outer: usize,
    /// The object's place in the document, for example in a TriggerTemplate; `None` if the document itself is the object.
    pub(crate) place: Option<Place>,
}

impl Position {
    pub(crate) const fn whole(outer: usize) -> Self {
        Self { outer, place: None }
    }

    /// If this object is embedded in a document, returns the index of that document.
    pub(crate) const fn shared(&self) -> Option<usize> {
        match self.place {
            Some(_) => Some(self.outer),
            None => None,
        }
    }
}

/// A document that is being translated.
pub(crate) struct Draft<'a> {
    pub(crate) source: &'a Source,
    found: Diagnostics,
    pub(crate) kind: Kind,
    pub(crate) document: Node,
    pub(crate) position: Position,
    /// The original API version of the document: `v1alpha1`, `v1beta1` or `v1`.
    version: Version,
    warnings: Vec<Diagnostic>,
    /// The interfaces of the TaskSpecs and PipelineSpecs in the document, by place.
    pub(crate) interfaces: HashMap<Place, Interface>,
    /// The places of the TaskSpecs in the document.
    tasks: Vec<Place>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(source: &'a Source, document: &Node, position: Position) -> Self {
        let mut found = Diagnostics::default();
        let mut document = document.clone();
        let is_sound = field_names::correct(&mut document, &mut found);
        let mut kind = Kind::of(&document, &mut found);
        if kind.is_translated() && !(is_sound && shape::check(&document, &mut found)) {
            kind = Kind::Other;
        }
        Self {
            source,
            found,
            kind,
            version: Version::of(&document),
            document,
            position,
            warnings: Vec::new(),
            interfaces: HashMap::new(),
            tasks: Vec::new(),
        }
    }

    const fn referrer<'b>(&self, namespace: Option<&'b str>) -> Referrer<'b> {
        Referrer {
            namespace,
            outer: self.position.shared(),
        }
    }

    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let text = self.document.get("metadata")?.text_of(key)?;
        Some(text.to_owned())
    }

    /// Translates every TaskSpec in the document.
    pub(crate) fn tasks(&mut self) {
        if !self.kind.is_translated() {
            self.warnings = created::by_pods(&self.document, self.source);
            return;
        }
        let sites = DeclarationSite::all(&self.document);
        let places = sites.iter().filter_map(DeclarationSite::task_spec);
        self.tasks = places.cloned().collect();
        for place in self.tasks.clone() {
            let interface = self.task(&place);
            let takes_git = interface.resources.iter().any(InputResource::is_cloned);
            let spec = at(&mut self.document, &place);
            match self.version {
                Version::V1alpha1 => working_directory::set(spec),
                Version::V1beta1 if takes_git => {
                    self.warnings
                        .extend(working_directory::warnings(spec, &place));
                }
                Version::V1beta1 | Version::V1 => {}
            }
            self.interfaces.insert(place, interface);
        }
        let kind = self.kind;
        let (document, found) = (&mut self.document, &mut self.found);
        let (host, warnings) = (|place: &Place| host(kind, place), &mut self.warnings);
        let declared = outputs::move_to_annotations(document, host, self.source, found, warnings);
        for (place, declaration) in declared {
            let interface = self.interfaces.entry(place).or_default();
            interface.creates(&declaration);
        }
    }

    /// Finishes the checks, and adds the steps that clone git inputs. The steps are added last, because findings use the original
    /// indices of steps.
    pub(crate) fn finish(&mut self, known: &Interfaces, settings: &Settings) {
        if self.kind == Kind::Resource && settings.keep_resources {
            kept_resource::check(&Cursor::root(&self.document), &mut self.found);
        }
        if !self.kind.is_translated() {
            return;
        }
        let mut unknown = fields::Unknown::default();
        fields::check(
            &Cursor::root(&self.document),
            fields::Version::Old,
            &mut unknown,
        );
        unknown.all_into(&mut self.found);
        for place in &self.tasks {
            let spec = at(&mut self.document, place);
            let resources = self.interfaces.get(place).map(|own| &own.resources[..]);
            let resources = resources.unwrap_or_default();
            for resource in resources {
                self.warnings.extend(resource.unusual_keys(place, known));
            }
            git_source::prepend(spec, resources, &settings.git_image);
        }
    }

    fn task(&mut self, place: &Place) -> Interface {
        let annotation = host(self.kind, place).join(&Place::of_annotation(annotation::OUTPUTS));
        // Copy the declaration, because `task::translate` borrows the TaskSpec, which may contain the annotation.
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

    /// Translates the PipelineSpec in the document and returns its place and its interface.
    pub(crate) fn pipeline(
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
            referrer: self.referrer(namespace.as_deref()),
            source: self.source,
        };
        let spec = at(&mut self.document, &place);
        let interface = pipeline::translate(spec, &place, &around, &mut self.found);
        Some((place, interface))
    }

    /// Translates a run's bindings and its other fields.
    pub(crate) fn run(&mut self, known: &Interfaces, catalogue: &Catalogue) {
        let namespace = self.metadata("namespace");
        let referrer = self.referrer(namespace.as_deref());
        let Some(spec) = self.document.field_mut("spec") else {
            return;
        };
        let (embedded, reference, known, title) = match self.kind {
            Kind::PipelineRun => {
                run_fields::pipeline_run(spec, &mut self.found);
                let known = &known.pipelines;
                ("pipelineSpec", "pipelineRef", known, "the Pipeline")
            }
            Kind::TaskRun => {
                run_fields::task_run(spec, &mut self.found);
                ("taskSpec", "taskRef", &known.tasks, "the Task")
            }
            _ => return,
        };
        let embedded = self.interfaces.get(&Place::from(["spec", embedded]));
        let interface = embedded.or_else(|| referred(known, spec.present(reference)));
        let (place, bound) = (Place::from(["spec"]), (title, interface));
        let passed = binding::replace_all(
            spec,
            &place,
            bound,
            &mut self.found,
            |binding, resource, _, found| {
                if let Some(from) = binding.from.first() {
                    let place = binding.cursor.place.key("from");
                    let message = "only a task in a Pipeline can run after other tasks";
                    found.push(Diagnostic::new(place, from.at(), message).help("remove it"));
                }
                binding.resolve(catalogue, referrer, resource, found)
            },
        );
        let mut variables = PassedVariables {
            title: "the run",
            is_run: true,
            passed: &passed,
            interface,
            used: Vec::new(),
        };
        variables::rewrite(spec, &place, &mut variables, self.source, &mut self.found);
    }

    pub(crate) fn written(&self) -> Value {
        if !self.kind.is_translated() {
            return self.document.to_json();
        }
        let mut document = self.document.clone();
        document.put("apiVersion", Node::derived(document.at, RUN_API_VERSION));
        // Remove the status, because a controller wrote it in the format of the old API version.
        document.take("status");
        if let Some(entries) = document.entries_mut() {
            entries.sort_by_key(|(key, _)| rank(&key.name));
        }
        document.to_json()
    }

    /// Returns the errors and the warnings.
    pub(crate) fn findings(self) -> (Vec<Finding>, Vec<Finding>) {
        let base = self.position.place.unwrap_or_default();
        let finding = |severity, diagnostic: Diagnostic| Finding {
            file: self.source.name.clone(),
            severity,
            diagnostic: Diagnostic {
                place: base.join(&diagnostic.place),
                ..diagnostic
            },
        };
        let errors = self.found.into_vec().into_iter();
        let errors = errors.map(|error| finding(Severity::Error, error));
        let warnings = self.warnings.into_iter();
        let warnings = warnings.map(|warning| finding(Severity::Warning, warning));
        (errors.collect(), warnings.collect())
    }
}

/// Returns the node at `place`, which must exist in `document`.
fn at<'a>(document: &'a mut Node, place: &Place) -> &'a mut Node {
    document
        .find_mut(place)
        .expect("invariant: TaskSpecs, PipelineSpecs and annotations do not move")
}

/// Returns the position of a document's top-level field in the output; fields with equal positions keep their order.
fn rank(key: &str) -> usize {
    const FIRST: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
    let rank = FIRST.iter().position(|first| *first == key);
    rank.unwrap_or(FIRST.len())
}

/// Returns the place of the object whose `metadata` applies to the TaskSpec at `place`. In a Pipeline or PipelineRun, this is the
/// embedded TaskSpec itself.
fn host(kind: Kind, place: &Place) -> Place {
    match kind {
        Kind::Pipeline | Kind::PipelineRun => place.clone(),
        _ => Place::root(),
    }
}

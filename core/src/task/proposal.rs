//! The syntax of the 2019 proposal: `steps[].outputs`, `outputs.resources`, `outputs.objects`.
//!
//! A declaration in this syntax is equivalent to an annotation. The parts of the declaration keep their positions and are moved
//! into a tree like that of the annotation, so that one reader reads both syntaxes.

use std::collections::HashSet;

use crate::document::diagnostic::Diagnostic;
use crate::document::{Content, Key, Node};
use crate::document::{Cursor, Location, Place};

use super::step::step_name;

/// A declaration in the proposal's syntax.
#[derive(Debug, Clone)]
pub struct Proposal {
    tree: Node,
    /// The original place for each part of the tree: (place in the declaration, place in the document).
    moved: Vec<(Place, Place)>,
    /// Errors about parts that cannot be moved.
    diagnostics: Vec<Diagnostic>,
}

impl Proposal {
    /// Returns the declaration in the TaskSpec `spec`, or `None` if the TaskSpec does not use the proposal's syntax.
    ///
    /// In an even older syntax, an entry of `outputs.resources` has only a `name` and a `type`, and binds an existing resource.
    /// Such entries are not a declaration.
    pub fn find(spec: &Cursor<'_>) -> Option<Self> {
        let Cursor { node: spec, place } = spec;
        let outputs = spec.present("outputs");
        let steps = spec.list_of("steps");
        let has_steps = steps.iter().any(|step| step.present("outputs").is_some());
        let has_templates = outputs.is_some_and(|outputs| {
            let declares = |item: &Node| item.get("spec").is_some() || item.get("type").is_none();
            outputs.present("objects").is_some()
                || outputs.list_of("resources").iter().any(declares)
        });
        if !has_steps && !has_templates {
            return None;
        }
        let (at, content) = (spec.at, Content::Null);
        let mut found = Self {
            tree: Node { at, content },
            moved: Vec::new(),
            diagnostics: Vec::new(),
        };
        let mut entries = found.steps(steps, place);
        if let Some(outputs) = outputs {
            let place = place.key("outputs");
            match &outputs.content {
                Content::Mapping(templates) => entries.extend(found.templates(templates, &place)),
                _ => {
                    let other = outputs.describe();
                    let message = format!("must be a map with resources and objects, not {other}");
                    found.report(place, outputs.at, message);
                }
            }
        }
        found.tree.content = Content::Mapping(entries);
        Some(found)
    }

    /// Returns the errors about parts that cannot be moved.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns the declaration as the tree of an equivalent annotation.
    pub const fn tree(&self) -> &Node {
        &self.tree
    }

    /// Changes the place of a diagnostic to the original place in the document.
    pub fn locate(&self, diagnostic: Diagnostic) -> Diagnostic {
        let mut moved = self.moved.iter();
        let place = moved.find_map(|(from, to)| Some(to.join(&diagnostic.place.within(from)?)));
        let place = place.unwrap_or_else(|| diagnostic.place.clone());
        Diagnostic {
            place,
            ..diagnostic
        }
    }

    fn steps(&mut self, steps: &[Node], place: &Place) -> Vec<(Key, Node)> {
        let mut declared: Vec<(Key, Node)> = Vec::new();
        let mut names = HashSet::new();
        for (index, step) in steps.iter().enumerate() {
            let Some(outputs) = step.present("outputs") else {
                continue;
            };
            let name = step_name(step, index);
            let place = place.key("steps").index(index).key("outputs");
            let own = Place::from(["steps", &name]);
            self.moved.push((own, place.clone()));
            if !names.insert(name.clone()) {
                let message = format!("an earlier step is also named '{name}'");
                self.report(place, step.at, message);
                continue;
            }
            let at = step.get("name").map_or(step.at, |name| name.at);
            declared.push((Key { at, name }, outputs.clone()));
        }
        let Some((first, _)) = declared.first() else {
            return Vec::new();
        };
        let at = first.at;
        let name = "steps".to_owned();
        let content = Content::Mapping(declared);
        vec![(Key { at, name }, Node { at, content })]
    }

    fn report(&mut self, place: Place, at: Location, message: impl Into<String>) {
        let diagnostic = Diagnostic::new(place, Some(at), message);
        self.diagnostics.push(diagnostic);
    }

    fn templates(&mut self, templates: &[(Key, Node)], place: &Place) -> Vec<(Key, Node)> {
        let mut entries = Vec::new();
        for (key, node) in templates {
            let own = place.key(&key.name);
            self.moved.push((Place::root().key(&key.name), own.clone()));
            if key.name == "steps" {
                let message = "unknown field; declare a step's outputs in the step, under spec.steps[].outputs";
                self.report(own, key.at, message);
            } else {
                entries.push((key.clone(), node.clone()));
            }
        }
        entries
    }
}

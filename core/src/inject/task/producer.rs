//! A task's results, outputs and objects, to which other tasks in the Pipeline can refer.

use std::collections::{HashMap, HashSet};

use crate::declaration::{Declaration, Naming, Policy, Template};
use crate::document::{Content, Live, Node};
use crate::task::DeclarationSite;
use crate::variable::{Reference, Tree};

/// The Tasks with a declaration, by name. The value is `None` if several Tasks have the same name.
pub type ObjectResults = HashMap<String, Option<Producer>>;

/// A task with a declaration.
#[derive(Debug, Clone)]
pub struct Producer {
    /// The declaration of the task.
    pub(super) declaration: Declaration,
    /// The results that the Task declares itself.
    results: HashSet<String>,
    /// For each result whose name contains dots, the part of the name before the first dot.
    dotted: HashSet<String>,
    /// True if the declaration is in the proposal's syntax, whose variables `gleaner translate` converts.
    pub(super) is_proposal: bool,
    /// True if a step may write Tekton's artifacts, which `$(tasks.TASK.outputs.NAME)` refers to.
    has_artifacts: bool,
}

impl Producer {
    /// Reads the task at `site`. Returns `None` if the task has no valid declaration.
    pub(crate) fn of(site: &DeclarationSite<'_>) -> Option<Self> {
        let declaration = site.declaration(&Live).ok().flatten()?.declaration;
        let spec = site.task_cursor()?.node;
        let results = spec.list_of("results").iter();
        let results: HashSet<String> = results
            .filter_map(|result| Some(result.text_of("name")?.to_owned()))
            .collect();
        let dotted = results.iter().filter_map(|name| name.split_once('.'));
        Some(Self {
            declaration,
            is_proposal: !site.is_annotated(),
            dotted: dotted.map(|(first, _)| first.to_owned()).collect(),
            results,
            has_artifacts: mentions(spec, "artifacts"),
        })
    }

    /// Returns true if the Task itself declares the result `name`, or a result whose name begins with `name` and a dot: in
    /// `$(tasks.TASK.results.a.b)`, the result may be `a.b`.
    pub(super) fn has_result(&self, name: &str) -> bool {
        self.results.contains(name) || self.dotted.contains(name)
    }

    /// Returns the names of all results. The names of resources come first.
    pub(super) fn result_names(&self) -> impl Iterator<Item = &str> {
        let templates = self.declaration.templates.iter();
        let templates = templates.map(|template| template.name.as_str());
        templates.chain(self.results.iter().map(String::as_str))
    }

    /// Returns the step that declares the output `name`.
    pub(super) fn step_of(&self, name: &str) -> Option<&str> {
        let mut steps = self.declaration.steps.keys().map(|step| step.as_str());
        steps.find(|step| self.declaration.output(step, name).is_some())
    }

    /// Returns true if `$(tasks.TASK.outputs.NAME)` may refer to one of Tekton's artifacts.
    pub(super) const fn has_artifacts(&self) -> bool {
        self.has_artifacts
    }

    /// Returns the templates whose objects have the same name in each TaskRun, if the TaskRuns differ only in the parameters in
    /// `varying`.
    pub(super) fn alike<'a>(
        &'a self,
        varying: &'a HashSet<&str>,
    ) -> impl Iterator<Item = &'a Template> {
        let templates = self.declaration.templates.iter();
        templates.filter(move |template| {
            template.policy == Policy::Create
                && matches!(&template.naming, Naming::Static(name) if is_constant(name, varying))
                && is_in_one_namespace(template, varying)
        })
    }
}

fn is_constant(name: &Tree, varying: &HashSet<&str>) -> bool {
    let is_same = |reference: &Reference| is_same(reference, varying);
    match name {
        Tree::Fixed(_) => true,
        Tree::Text(text) => text.references().all(is_same),
        Tree::String(reference) => is_same(reference),
        Tree::List(_) | Tree::Map(_) => false,
    }
}

/// Returns true if a variable has the same value in each TaskRun of a matrix.
fn is_same(reference: &Reference, varying: &HashSet<&str>) -> bool {
    match reference {
        Reference::Param { name, .. } => !varying.contains(name.as_str()),
        Reference::Context(name) => name.starts_with("pipelineRun.") || name == "task.name",
        Reference::Output { .. } | Reference::Resource { .. } => false,
    }
}

fn is_in_one_namespace(template: &Template, varying: &HashSet<&str>) -> bool {
    let namespace = template.metadata().key("namespace");
    let mut uses = template.uses.iter();
    uses.all(|usage| usage.place != namespace || is_same(&usage.reference, varying))
}

/// Returns true if a string below `node` contains `word`.
fn mentions(node: &Node, word: &str) -> bool {
    match &node.content {
        Content::String(text) => text.contains(word),
        Content::Sequence(items) => items.iter().any(|item| mentions(item, word)),
        Content::Mapping(entries) => entries.iter().any(|(_, node)| mentions(node, word)),
        _ => false,
    }
}

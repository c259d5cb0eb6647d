//! The names that the variables of a Task may refer to.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use crate::document::Node;
use crate::task::step::{Action, Step};
use crate::task::{DeclarationSite, ParamKind, TaskSpec};

/// The names that the variables of a Task or StepAction may refer to.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    pub(super) params: IndexMap<&'a str, Kind<'a>>,
    /// The parameters that the TaskSpec inherits from the objects around it. Their types are unknown.
    pub(super) untyped: HashSet<&'a str>,
    pub(super) workspaces: IndexSet<&'a str>,
    pub(super) results: IndexSet<&'a str>,
    pub(super) inputs: IndexSet<&'a str>,
    pub(super) steps: IndexMap<&'a str, StepNames<'a>>,
    pub(super) is_in_pipeline: bool,
    pub(super) is_step_action: bool,
}

/// The type of a parameter.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    String,
    Array,
    /// An object with these declared keys; if the set is empty, any key is allowed.
    Object(IndexSet<&'a str>),
}

/// The results of a step.
#[derive(Debug)]
pub(super) struct StepNames<'a> {
    pub(super) results: IndexSet<&'a str>,
    /// True if the step refers to a StepAction whose results are unknown.
    pub(super) is_unknown: bool,
}

// === impl Names ===

impl<'a> Names<'a> {
    /// Returns the names for the TaskSpec at `site`. `spec` was read from `site`. The names include the parameters and workspaces
    /// that the TaskSpec inherits from the objects around it without declaring them (Tekton's `docs/pipelineruns.md`, "Propagated
    /// Parameters" and "Propagated Workspaces").
    pub(super) fn of(site: &DeclarationSite<'a>, spec: &'a TaskSpec) -> Self {
        let mut names = Self {
            is_in_pipeline: site.is_in_pipeline(),
            ..Self::own(spec)
        };
        for outer in site.around() {
            names.untyped.extend(names_in(outer, "params"));
            names.workspaces.extend(names_in(outer, "workspaces"));
        }
        names
    }

    /// Returns the names for a StepAction, which was read as the only step of `spec`.
    pub(super) fn of_step_action(spec: &'a TaskSpec) -> Self {
        Self {
            is_step_action: true,
            ..Self::own(spec)
        }
    }

    fn own(spec: &'a TaskSpec) -> Self {
        let params = spec.params.iter();
        let steps = spec.steps.iter();
        Self {
            params: params
                .map(|param| (param.name.as_str(), Kind::of(&param.kind)))
                .collect(),
            workspaces: spec
                .workspaces
                .iter()
                .map(|one| one.name.as_str())
                .collect(),
            results: spec.results.iter().map(|one| one.name.as_str()).collect(),
            inputs: spec.inputs.iter().map(|one| one.name.as_str()).collect(),
            steps: steps
                .map(|step| (step.name.as_str(), StepNames::of(step)))
                .collect(),
            ..Self::default()
        }
    }

    /// Returns the document's kind, for use in messages.
    pub(super) const fn title(&self) -> &'static str {
        if self.is_step_action {
            "StepAction"
        } else {
            "Task"
        }
    }

    pub(super) fn has_param(&self, name: &str) -> bool {
        self.params.contains_key(name) || self.untyped.contains(name)
    }

    /// Returns the results that the step at `index` declares.
    pub(super) fn step_results(&self, index: usize) -> Option<&IndexSet<&'a str>> {
        let (_, step) = self.steps.get_index(index)?;
        Some(&step.results)
    }
}

impl<'a> Kind<'a> {
    fn of(kind: &'a ParamKind) -> Self {
        match kind {
            ParamKind::String => Self::String,
            ParamKind::Array => Self::Array,
            ParamKind::Object { keys } => Self::Object(keys.iter().map(String::as_str).collect()),
        }
    }

    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object(_) => "object",
        }
    }
}

impl<'a> StepNames<'a> {
    fn of(step: &'a Step) -> Self {
        Self {
            results: step.results.iter().map(String::as_str).collect(),
            is_unknown: matches!(step.action, Action::Reference(_)),
        }
    }
}

fn names_in<'a>(node: &'a Node, list: &str) -> impl Iterator<Item = &'a str> {
    node.list_of(list)
        .iter()
        .filter_map(|item| item.text_of("name"))
}

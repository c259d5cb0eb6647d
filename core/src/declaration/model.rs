//! The declaration as the rest of Gleaner sees it: read, but not yet checked against a Task.

use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::constraint::{self, Pattern, Violation};
use super::field_path::FieldPath;
use super::named::{Named, NamedList};
use crate::document::Location;
use crate::document::Place;
use crate::variable::{Reference, Tree, Use};
use gleaner_proto::name::{ResourceName, StepName};
use gleaner_proto::output::OutputSpec;

/// What the steps of a task leave behind, and what becomes of it.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// The declared outputs of each step.
    pub steps: IndexMap<StepName, NamedList<Output>>,
    /// Everything to create, in order: the `resources`, then the `objects`.
    pub templates: NamedList<Template>,
    /// When to create it.
    pub submit: Submit,
    /// What to do when the API server can be seen to refuse before the first step has run.
    pub preflight: Preflight,
}

/// One output of a step.
#[derive(Debug, Clone)]
pub struct Output {
    /// Name, file, type; all that the redirector needs.
    pub spec: OutputSpec,
    /// The value when the file is missing.
    pub default: Option<Value>,
    /// True if a text without characters, an array without items and an object without keys are refused.
    pub non_empty: bool,
    /// The pattern that a text must match.
    pub pattern: Option<Pattern>,
    /// Whether the value may be seen. A secret one appears in no log, event, metric, GET or result.
    pub secret: bool,
    /// Where it is declared.
    pub at: Option<Location>,
}

/// One object to create.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its name in the declaration.
    pub name: ResourceName,
    /// Where it stands in the declaration: `resources[0]` or `objects[1]`.
    pub place: Place,
    /// Its position in the text.
    pub at: Option<Location>,
    /// Which of the two lists it came from.
    pub origin: Origin,
    /// `apiVersion`; always literal.
    pub api_version: String,
    /// `kind`; always literal.
    pub kind: String,
    /// How its name comes about.
    pub naming: Naming,
    /// Whether it may exist already.
    pub policy: Policy,
    /// Whether it goes when the run goes.
    pub owned: bool,
    /// What to wait for once it exists.
    pub wait_for: Option<WaitFor>,
    /// Fields of the created object that become results.
    pub results: IndexMap<String, FieldPath>,
    /// Every variable that it uses, at its place.
    pub uses: Vec<Use>,
    /// The whole object: `apiVersion`, `kind`, `metadata` without a name, and the rest.
    pub tree: Tree,
}

/// The fields of every result, which no declaration may name again.
pub const GIVEN_RESULTS: [&str; 2] = ["name", "uid"];

/// The longest wait for which the redirector's default is enough.
const ANSWERED_BY_DEFAULT: Duration = Duration::from_secs(12 * 60);
/// The time that a commit and its rollback take beside the wait: generously, for they have a minute and half a minute by default.
const COMMIT_AND_ROLLBACK: Duration = Duration::from_secs(5 * 60);

/// Which list of the declaration a template came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `resources`: a PipelineResource of this `spec.type`.
    PipelineResource {
        /// `spec.type`, such as `image`.
        kind: String,
        /// The names of `spec.params`, which are literal.
        params: IndexSet<String>,
    },
    /// `objects`: anything else.
    Object,
}

/// How an object's name comes about.
#[derive(Debug, Clone)]
pub enum Naming {
    /// `metadata.name`: a text that may hold variables.
    Static(Tree),
    /// `metadata.generateName`: this prefix and a derived suffix.
    Prefix(Tree),
    /// Nothing was said: `<task>-<type>-` and a derived suffix.
    Derived,
}

/// Whether an object may exist already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Policy {
    /// Create; fails when it exists.
    #[default]
    Create,
    /// Server-side apply, never forced.
    Apply,
}

/// When the objects are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Submit {
    /// As soon as all variables are known.
    #[default]
    Resolved,
    /// When the last step has succeeded.
    Completed,
    /// On `POST /v1/submit`.
    Manual,
}

/// What to do when the preflight finds a kind that is not served or a create that is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Preflight {
    /// Say so, and fail at submission (the proposal: the image is uploaded all the same).
    #[default]
    Report,
    /// Fail the first step before it does anything.
    Strict,
}

/// What to wait for once an object exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitFor {
    /// The state that is waited for.
    pub target: WaitTarget,
    /// The state that ends the wait as a failure, beside those that are known of the kind.
    pub failure: Option<WaitTarget>,
    /// True if the object stays when it fails or does not get there in time, so that its status can be read.
    pub keep_on_failure: bool,
    /// How long, at most.
    pub timeout: Duration,
}

/// A state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitTarget {
    /// Conditions in `.status.conditions` of all these types have the status `True`.
    Conditions(Vec<String>),
    /// All pods of a Deployment, StatefulSet or DaemonSet are of the newest template, and available.
    Rollout,
    /// A field has this text as its value, or exists at all.
    Field {
        /// The field.
        path: FieldPath,
        /// The text it must have; any but null when there is none.
        value: Option<String>,
    },
}

impl Submit {
    /// The word for it in a declaration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "Resolved",
            Self::Completed => "Completed",
            Self::Manual => "Manual",
        }
    }
}

impl Declaration {
    /// Returns how long an answer to a step may take, where the redirector's own default of 15 minutes is not enough. All objects are
    /// waited for at once, after the commit and before the rollback.
    pub fn answer_timeout(&self) -> Option<Duration> {
        let waits = self.templates.iter();
        let longest = waits
            .filter_map(|template| template.wait_for.as_ref())
            .map(|wait| wait.timeout)
            .max()?;
        (longest > ANSWERED_BY_DEFAULT).then(|| longest + COMMIT_AND_ROLLBACK)
    }

    /// The outputs of `step`, empty when it declares none.
    pub fn outputs(&self, step: &str) -> &[Output] {
        self.steps.get(step).map_or(&[], |outputs| outputs)
    }

    /// The output `name` of `step`.
    pub fn output(&self, step: &str, name: &str) -> Option<&Output> {
        self.steps.get(step)?.named(name)
    }

    /// The variables of all templates, as wholes, each once, in order of their first use. Without those that refer to
    /// another template, which have no value of their own.
    pub fn variables(&self) -> IndexSet<Reference> {
        let uses = self.templates.iter().flat_map(|template| &template.uses);
        uses.map(|usage| usage.reference.root())
            .filter(|root| !matches!(root, Reference::Resource { .. }))
            .collect()
    }

    /// Returns step and name of the first secret output that `template` uses itself.
    pub fn secret_of<'a>(&'a self, template: &'a Template) -> Option<(&'a str, &'a str)> {
        let mut uses = template.uses.iter();
        uses.find_map(|usage| match &usage.reference {
            Reference::Output { step, output, .. } => {
                let is_secret = self.output(step, output).is_some_and(|one| one.secret);
                is_secret.then_some((step.as_str(), output.as_str()))
            }
            _ => None,
        })
    }

    /// Returns true if `template` uses a secret output itself.
    pub fn uses_secret(&self, template: &Template) -> bool {
        self.secret_of(template).is_some()
    }

    /// The template called `name`.
    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.named(name)
    }
}

impl Output {
    /// Checks a value of the output's type.
    ///
    /// # Errors
    /// The first demand of the declaration that it does not meet.
    pub fn check(&self, value: &Value) -> Result<(), Violation> {
        constraint::check(value, self.non_empty, self.pattern.as_ref(), self.secret)
    }
}

impl Named for Output {
    fn name(&self) -> &str {
        self.spec.name.as_str()
    }
}

impl Named for Template {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl Template {
    /// The names of the other templates that this one refers to.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().filter_map(|usage| match &usage.reference {
            Reference::Resource { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

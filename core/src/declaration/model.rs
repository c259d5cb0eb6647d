//! The declaration after parsing, before it is checked against a Task.

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

/// The outputs of a task's steps, and the objects created from them.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// The declared outputs of each step.
    pub steps: IndexMap<StepName, NamedList<Output>>,
    /// All objects to create, in order: the `resources`, then the `objects`.
    pub templates: NamedList<Template>,
    /// The event that triggers the creation of the objects.
    pub submit: Submit,
    /// The action to take if the preflight, the check before the first step, finds that the API server would reject an object.
    pub preflight: Preflight,
}

/// An output of a step.
#[derive(Debug, Clone)]
pub struct Output {
    /// The name, file and type, which are all that the redirector needs.
    pub spec: OutputSpec,
    /// The value to use if the file is missing.
    pub default: Option<Value>,
    /// True if an empty string, array or object is rejected.
    pub non_empty: bool,
    /// The pattern that a string must match.
    pub pattern: Option<Pattern>,
    /// True if the value is secret: it must not appear in a log, event, metric, GET response or result.
    pub secret: bool,
    /// The position of the output's declaration.
    pub at: Option<Location>,
}

/// An object to create.
#[derive(Debug, Clone)]
pub struct Template {
    /// The template's name in the declaration.
    pub name: ResourceName,
    /// The template's place in the declaration, such as `objects[1]`.
    pub place: Place,
    /// The template's position in the text.
    pub at: Option<Location>,
    /// The list that contains the template.
    pub origin: Origin,
    /// The `apiVersion`, which is always literal.
    pub api_version: String,
    /// The `kind`, which is always literal.
    pub kind: String,
    /// The source of the object's name.
    pub naming: Naming,
    /// The policy for an object that already exists.
    pub policy: Policy,
    /// True if the run owns the object, so that the object is deleted together with the run.
    pub owned: bool,
    /// The state to wait for after the object is created.
    pub wait_for: Option<WaitFor>,
    /// The fields of the created object that become results, by the result's key.
    pub results: IndexMap<String, FieldPath>,
    /// Every variable that the template uses, with its place.
    pub uses: Vec<Use>,
    /// The whole object: `apiVersion`, `kind`, `metadata` without a name, and all other fields.
    pub tree: Tree,
}

/// The keys that every result has, which a declaration cannot redefine.
pub const GIVEN_RESULTS: [&str; 2] = ["name", "uid"];

/// The longest wait for which the redirector's default timeout is long enough.
const ANSWERED_BY_DEFAULT: Duration = Duration::from_secs(12 * 60);
/// The time allowed for commit and rollback in addition to the wait. It is generous: the sidecar's defaults are a minute for the
/// commit and half a minute for the rollback.
const COMMIT_AND_ROLLBACK: Duration = Duration::from_secs(5 * 60);

/// The list, `resources` or `objects`, that contains a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `resources`: the template is a PipelineResource.
    PipelineResource {
        /// `spec.type`, such as `image`.
        kind: String,
        /// The names of the parameters in `spec.params`. The names are literal.
        params: IndexSet<String>,
    },
    /// `objects`: the template is an object of any kind.
    Object,
}

/// The source of an object's name.
#[derive(Debug, Clone)]
pub enum Naming {
    /// `metadata.name`: a string that may contain variables.
    Static(Tree),
    /// `metadata.generateName`: this prefix and a derived suffix.
    Prefix(Tree),
    /// Neither field: the name is `<task>-<type>-` and a derived suffix.
    Derived,
}

/// The policy for an object that already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Policy {
    /// Create the object, and fail if it already exists.
    #[default]
    Create,
    /// Use server-side apply, without forcing conflicts.
    Apply,
}

/// The event that triggers the creation of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Submit {
    /// As soon as all variables are known.
    #[default]
    Resolved,
    /// After the last step has succeeded.
    Completed,
    /// When a step sends `POST /v1/submit`.
    Manual,
}

/// The action to take if the preflight finds that a kind does not exist, or that the creation of an object is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub enum Preflight {
    /// Report the problem, and fail after the steps have run, when the objects are created.
    #[default]
    Report,
    /// Fail the first step before its command runs.
    Strict,
}

/// A wait for a state of an object after its creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitFor {
    /// The state to wait for.
    pub target: WaitTarget,
    /// A state that ends the wait with a failure, in addition to the known failure states of the kind.
    pub failure: Option<WaitTarget>,
    /// True if the object is not deleted after a failure or timeout, so that users can read its status.
    pub keep_on_failure: bool,
    /// The maximum duration of the wait.
    pub timeout: Duration,
}

/// A state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitTarget {
    /// All conditions of these types in `.status.conditions` have the status `True`.
    Conditions(Vec<String>),
    /// All pods of a Deployment, StatefulSet or DaemonSet are updated to the newest pod template and are available.
    Rollout,
    /// A field has the given value, or any value except null.
    Field {
        /// The field.
        path: FieldPath,
        /// The string that the field must equal, or `None` for any value except null.
        value: Option<String>,
    },
}

impl Submit {
    /// Returns the keyword that stands for this event in a declaration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "Resolved",
            Self::Completed => "Completed",
            Self::Manual => "Manual",
        }
    }
}

impl Declaration {
    /// Returns how long the redirector must wait for a response. If the redirector's default timeout of 15 minutes is long
    /// enough, returns `None`. The waits for all objects run at the same time, after the commit and before a rollback.
    pub fn answer_timeout(&self) -> Option<Duration> {
        let waits = self.templates.iter();
        let longest = waits
            .filter_map(|template| template.wait_for.as_ref())
            .map(|wait| wait.timeout)
            .max()?;
        (longest > ANSWERED_BY_DEFAULT).then(|| longest + COMMIT_AND_ROLLBACK)
    }

    /// Returns the outputs of `step`, or an empty slice if the step declares no outputs.
    pub fn outputs(&self, step: &str) -> &[Output] {
        self.steps.get(step).map_or(&[], |outputs| outputs)
    }

    /// Returns the output `name` of `step`.
    pub fn output(&self, step: &str, name: &str) -> Option<&Output> {
        self.steps.get(step)?.named(name)
    }

    /// Returns the uses of variables in all templates, in order.
    pub fn uses(&self) -> impl Iterator<Item = &Use> {
        self.templates.iter().flat_map(|template| &template.uses)
    }

    /// Returns the variables of all templates, each once, in order of first use. Paths into a variable's value are removed.
    /// References to other templates are omitted, because their values are computed during rendering.
    pub fn variables(&self) -> IndexSet<Reference> {
        self.uses()
            .map(|usage| usage.reference.root())
            .filter(|root| !matches!(root, Reference::Resource { .. }))
            .collect()
    }

    /// Returns the step and the name of the first secret output that `template` uses directly.
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

    /// Returns true if `template` uses a secret output directly.
    pub fn uses_secret(&self, template: &Template) -> bool {
        self.secret_of(template).is_some()
    }

    /// Returns the template named `name`.
    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.named(name)
    }
}

impl Output {
    /// Checks a value of the output's type against the constraints.
    ///
    /// # Errors
    /// Returns the first constraint that the value violates.
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
    /// Returns true if the template has this `apiVersion` and `kind`.
    pub(crate) fn is(&self, api_version: &str, kind: &str) -> bool {
        self.api_version == api_version && self.kind == kind
    }

    /// Returns the API group, or `None` for the core group.
    pub fn group(&self) -> Option<&str> {
        let version = self.api_version.split_once('/');
        version.map(|(group, _)| group)
    }

    /// Returns the place of the object's `metadata` in the declaration.
    pub(crate) fn metadata(&self) -> Place {
        let object = match self.origin {
            Origin::PipelineResource { .. } => self.place.clone(),
            Origin::Object => self.place.key("resourceTemplate"),
        };
        object.key("metadata")
    }

    /// Returns the names of the templates to which this template refers.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().filter_map(|usage| match &usage.reference {
            Reference::Resource { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

//! Renders a declaration's templates and values into the objects to create. Rendering is pure: the same input always yields
//! the same objects.

mod identity;
mod measure;
mod naming;
mod secrecy;
mod size;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::declaration::{Declaration, FieldPath, Policy, Template, WaitFor};
use crate::document::Place;
use crate::variable::{Leaf, SubstitutionError, Unresolved};
use gleaner_proto::name::ResourceName;
use serde_json::Value;

use crate::run::Run;
use identity::Identity;
pub use measure::{Bounds, OBJECT_MAX, TooLarge, measure};
pub(crate) use naming::SUFFIX;
pub use naming::derived_suffix;
use secrecy::SecretOutput;
pub use secrecy::{Disclosure, SECRET, Secrecy, Withheld};
pub use size::Size;
pub(crate) use size::memory;
pub use values::Values;

/// An object that is ready to be created. Only the API server knows whether its kind is namespaced.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The name of the object's template in the declaration.
    pub resource: ResourceName,
    /// The policy that applies if the object already exists.
    pub policy: Policy,
    /// True if the run owns the object.
    pub owned: bool,
    /// True if the name is derived from the run's UID. If a foreign object already has that name, the next suffix is tried; a
    /// static name never changes.
    pub derived_name: bool,
    /// The state to wait for after creation.
    pub wait_for: Option<WaitFor>,
    /// Fields of the created object that become results.
    pub results: Vec<(String, FieldPath)>,
    /// The rule for disclosing the API server's messages about the object.
    pub disclosure: Disclosure,
    /// The leaves of the object that contained variables. Empty unless [`traced_preview`] rendered the object.
    pub leaves: Vec<Leaf>,
    /// The whole object: `apiVersion`, `kind`, `metadata` with name, labels, annotations and owner reference.
    pub object: Value,
}

/// An object during rendering.
struct Draft<'a> {
    object: Value,
    leaves: Vec<Leaf>,
    /// A secret output that the object contains, either directly or because the object refers to a field of another object.
    secret: Option<SecretOutput<'a>>,
    /// The object with its secrets masked, if `object` contains any in plain text.
    masked: Option<Value>,
}

type Drafts<'a> = HashMap<&'a str, Draft<'a>>;

/// For each resource, the number of derived names that foreign objects already use.
pub type Attempts = BTreeMap<ResourceName, u32>;

/// Renders all templates, in the order in which the declaration lists them.
///
/// # Errors
/// Returns all variables whose paths do not exist or, if there are none, all variables whose values are still unknown.
pub fn render(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
) -> Result<Vec<Rendered>, SubstitutionError> {
    let mut unresolved = Unresolved::default();
    let rendered = render_with(
        declaration,
        values,
        run,
        attempts,
        Secrecy::Plain,
        None,
        &mut unresolved,
    );
    unresolved.into_result().map(|()| rendered)
}

/// Returns true if a template uses a secret output.
pub fn uses_secrets(declaration: &Declaration) -> bool {
    let mut templates = declaration.templates.iter();
    templates.any(|template| declaration.secret_of(template).is_some())
}

/// Renders as much as possible. Unresolved variables stay in the objects as written, and are also returned.
pub fn preview(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
    secrecy: Secrecy,
) -> (Vec<Rendered>, Unresolved) {
    preview_of(None, declaration, values, run, attempts, secrecy)
}

/// Renders a preview in which secrets are masked, and records the leaves that contain variables.
pub fn traced_preview(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
) -> Vec<Rendered> {
    let mut unresolved = Unresolved::traced();
    render_with(
        declaration,
        values,
        run,
        attempts,
        Secrecy::Masked,
        None,
        &mut unresolved,
    )
}

/// Renders like [`preview`]; if `only` is set, renders only the template with that name and the templates that it refers to.
pub fn preview_of(
    only: Option<&str>,
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
    secrecy: Secrecy,
) -> (Vec<Rendered>, Unresolved) {
    let mut unresolved = Unresolved::default();
    let rendered = render_with(
        declaration,
        values,
        run,
        attempts,
        secrecy,
        only,
        &mut unresolved,
    );
    (rendered, unresolved)
}

fn render_with(
    declaration: &Declaration,
    values: &Values,
    run: &Run,
    attempts: &Attempts,
    secrecy: Secrecy,
    only: Option<&str>,
    unresolved: &mut Unresolved,
) -> Vec<Rendered> {
    let identity = Identity::of(run);
    let mut drafts = Drafts::new();
    for template in in_dependency_order(declaration, only) {
        let name = template.name.as_str();
        let attempt = attempts.get(name).copied().unwrap_or_default();
        let own = declaration.secret_of(template);
        let object = |secrecy, holds_secret, unresolved: &mut Unresolved| {
            let variables = values.for_template(declaration, run, &drafts, secrecy);
            let object = template.tree.substitute_partly(&variables, unresolved);
            let place = |object: &Place| object.key("metadata").key("name");
            let full_name = unresolved.at(place, |unresolved| {
                naming::name(template, run, attempt, &variables, unresolved)
            });
            identity.stamp(template, holds_secret, full_name, object)
        };
        let mut draft = Draft {
            object: object(secrecy, own.is_some(), unresolved),
            leaves: unresolved.take_leaves(),
            secret: own,
            masked: None,
        };
        // If an object refers to a field of another object, and that object contains a secret, the referring object contains
        // the secret only if the field does. In that case, masking the secret changes the referring object.
        let mut dependencies = template.dependencies();
        let secret = own.or_else(|| dependencies.find_map(|other| drafts.get(other)?.secret));
        if secrecy == Secrecy::Plain && secret.is_some() {
            let ignored = &mut Unresolved::default();
            let masked = object(Secrecy::Masked, own.is_some(), ignored);
            if own.is_none() && masked != draft.object {
                draft.object = object(secrecy, true, ignored);
                draft.secret = secret;
            }
            draft.masked = draft.secret.map(|_| masked);
        }
        drafts.insert(name, draft);
    }
    let finish = |template: &Template| {
        let draft = drafts.remove(template.name.as_str())?;
        Some(Rendered {
            resource: template.name.clone(),
            policy: template.policy,
            owned: template.owned,
            derived_name: naming::is_derived(template),
            wait_for: template.wait_for.clone(),
            results: template
                .results
                .iter()
                .map(|(name, path)| (name.clone(), path.clone()))
                .collect(),
            disclosure: match (draft.secret, draft.masked) {
                (Some(secret), Some(masked)) => Disclosure::withheld(secret, masked),
                _ => Disclosure::Full,
            },
            leaves: draft.leaves,
            object: draft.object,
        })
    };
    declaration.templates.iter().filter_map(finish).collect()
}

/// Returns all templates. If `only` is set, returns only the template with this name and the templates that it refers to. Each
/// template comes after the templates that it refers to; a checked declaration has no cycles.
fn in_dependency_order<'a>(declaration: &'a Declaration, only: Option<&str>) -> Vec<&'a Template> {
    fn visit<'a>(
        declaration: &'a Declaration,
        template: &'a Template,
        done: &mut HashSet<&'a str>,
        order: &mut Vec<&'a Template>,
    ) {
        if !done.insert(template.name.as_str()) {
            return;
        }
        for name in template.dependencies() {
            if let Some(dependency) = declaration.template(name) {
                visit(declaration, dependency, done, order);
            }
        }
        order.push(template);
    }

    let (mut done, mut order) = (HashSet::new(), Vec::new());
    let templates = declaration.templates.iter();
    for template in templates.filter(|one| only.is_none_or(|only| one.name.as_str() == only)) {
        visit(declaration, template, &mut done, &mut order);
    }
    order
}

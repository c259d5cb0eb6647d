//! Checks the order of templates. Objects are created in the order of the declaration, so a Namespace or CRD must precede the
//! objects that need it.

use std::collections::HashMap;

use super::model::{Declaration, Naming, Policy, Template};
use crate::document::Diagnostics;
use crate::document::diagnostic::Diagnostic;
use crate::variable::{Field, Reference, Tree};

/// An object that a template needs. Names are compared as written in the declaration.
#[derive(PartialEq, Eq, Hash)]
enum Need {
    /// The Namespace with this name.
    Namespace(String),
    /// The Namespace that the template with this name creates.
    NamespaceOf(String),
    /// The CRD that defines this group and kind.
    Kind(String, String),
}

/// Reports each template that comes before the template for its own Namespace or for the CRD that defines its kind.
pub(super) fn check(declaration: &Declaration, found: &mut Diagnostics) {
    let templates = || declaration.templates.iter().enumerate();
    let mut makers: HashMap<Need, (usize, &Template)> = HashMap::new();
    // Skip templates with the policy `Apply`: the Namespace or CRD may already exist.
    for (index, template) in templates().filter(|(_, one)| one.policy == Policy::Create) {
        for need in fulfilled(template) {
            makers.entry(need).or_insert((index, template));
        }
    }
    if makers.is_empty() {
        return;
    }
    for (index, template) in templates() {
        for (need, path) in needs(template) {
            let Some((_, maker)) = makers.get(&need).filter(|(maker, _)| *maker > index) else {
                continue;
            };
            let (name, other) = (&template.name, &maker.name);
            let message = format!("'{name}' needs '{other}', which is created after it");
            let help = format!(
                "put '{other}' before '{name}', because objects are created in the declared order"
            );
            let object = template.place.key("resourceTemplate");
            let place = path.iter().fold(object, |place, key| place.key(*key));
            found.push(Diagnostic::new(place, template.at, message).help(help));
        }
    }
}

/// Returns what this template creates that other templates may need.
fn fulfilled(template: &Template) -> Vec<Need> {
    if template.is("v1", "Namespace") {
        let of = Need::NamespaceOf(template.name.to_string());
        return match &template.naming {
            Naming::Static(name) => vec![of, Need::Namespace(written(name))],
            Naming::Prefix(_) | Naming::Derived => vec![of],
        };
    }
    let text = |path: &[&str]| match template.tree.field(path) {
        Some(Field::Fixed(value)) => value.as_str().map(str::to_owned),
        _ => None,
    };
    match (text(&["spec", "group"]), text(&["spec", "names", "kind"])) {
        (Some(group), Some(kind)) if template.is_crd() => vec![Need::Kind(group, kind)],
        _ => Vec::new(),
    }
}

/// Returns what a template needs, each with the field that causes the need.
fn needs(template: &Template) -> Vec<(Need, &'static [&'static str])> {
    let mut needs: Vec<(Need, &'static [&'static str])> = Vec::new();
    let path = &["metadata", "namespace"];
    match template.tree.field(path) {
        Some(Field::Fixed(namespace)) => {
            let name = namespace.as_str().unwrap_or_default();
            needs.push((Need::Namespace(name.to_owned()), path));
        }
        Some(Field::Variable(tree)) => needs.push((needed_namespace(tree), path)),
        None => {}
    }
    if let Some(group) = template.group() {
        let need = Need::Kind(group.to_owned(), template.kind.clone());
        needs.push((need, &["kind"]));
    }
    needs
}

fn needed_namespace(tree: &Tree) -> Need {
    match tree {
        Tree::String(Reference::Resource { name, field }) if field == "name" => {
            Need::NamespaceOf(name.to_string())
        }
        _ => Need::Namespace(written(tree)),
    }
}

/// Returns a name as written in the declaration. Two names that are written the same are also rendered the same.
fn written(name: &Tree) -> String {
    name.as_literal()
        .map_or_else(|| format!("{name:?}"), str::to_owned)
}

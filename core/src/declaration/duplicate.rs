//! Reports templates that would create the same object.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::model::{Declaration, Naming, Template};
use crate::document::Diagnostics;
use crate::document::diagnostic::Diagnostic;
use crate::variable::Field;

/// Reports each template that has the same kind, namespace and static name as an earlier template. Names with variables are
/// compared as written, because names that are written in the same way also have the same value.
pub(super) fn check(declaration: &Declaration, found: &mut Diagnostics) {
    let mut places = HashMap::new();
    for template in &declaration.templates {
        let Naming::Static(name) = &template.naming else {
            continue;
        };
        let namespace = match template.tree.field(&["metadata", "namespace"]) {
            Some(Field::Fixed(value)) => value.to_string(),
            Some(Field::Variable(tree)) => format!("{tree:?}"),
            None => String::new(),
        };
        let key = (
            template.group(),
            &template.kind,
            namespace,
            format!("{name:?}"),
        );
        match places.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(template);
            }
            Entry::Occupied(entry) => found.push(twice(template, entry.get())),
        }
    }
}

fn twice(template: &Template, first: &Template) -> Diagnostic {
    let message = format!(
        "'{}' and '{}' would be the same object: both are a {} with this name",
        template.name, first.name, template.kind
    );
    Diagnostic::new(template.metadata().key("name"), None, message)
        .help("give one of them a different name")
}

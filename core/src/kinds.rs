//! Kubernetes' own kinds: checks a template against the types of its kind, long before an API server rejects the
//! object.
//!
//! `outline.json` holds the types of the local API server, for the Kubernetes version in [`VERSION`]. Later versions
//! may have more fields, so an unknown field deep in an object is a warning, unless its name is close to a known one.

mod awaited;
mod names;
mod status;
mod types;

use std::sync::LazyLock;

use serde_json::Value;

use crate::declaration::{Examined, Scope};
use crate::document::{Cursor, Diagnostics, Node};

/// The Kubernetes version of the types.
pub const VERSION: &str = "1.33";

static OUTLINE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("kinds/outline.json")).expect("invariant: generated JSON")
});

/// Checks the kind of each object in the declaration `node`, and the types of its fields. A running sidecar leaves this
/// check to its API server.
pub fn check(node: &Node, text: Option<&str>, scope: &Scope, examined: &mut Examined) {
    let (mut errors, mut warnings) = (Diagnostics::default(), Diagnostics::default());
    let mut ignored = Diagnostics::default();
    for item in Cursor::root(node).items_at("objects", &mut ignored) {
        let Some(template) = item.field("resourceTemplate") else {
            continue;
        };
        let text = |key| {
            let text = template.node.text_of(key);
            text.filter(|text| !text.is_empty() && !text.contains('$'))
        };
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            continue;
        };
        if !names::check(version, kind, &template, &mut errors, &mut warnings) {
            continue;
        }
        if let Some(own) = OUTLINE["kinds"][version][kind].as_str() {
            let declared = examined.declaration.templates.iter();
            let mut types = types::Types {
                template: declared.into_iter().find(|one| one.place == item.place),
                declaration: &examined.declaration,
                scope,
                errors: &mut errors,
                warnings: &mut warnings,
            };
            types.check_object(own, &template, kind);
        }
    }
    for template in &examined.declaration.templates {
        awaited::check(template, &mut errors, &mut warnings);
    }
    for (mut found, all) in [
        (errors, &mut examined.errors),
        (warnings, &mut examined.warnings),
    ] {
        found.settle(node, text);
        all.extend(found.into_vec());
        all.sort();
    }
}

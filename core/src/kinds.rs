//! Kubernetes' own kinds: checks a template against the types of its kind, long before an API server rejects the
//! object.
//!
//! `outline.json` holds the types of the local API server, for the Kubernetes version in [`VERSION`]. Later versions
//! may have more fields, so an unknown field deep in an object is a warning, unless its name is close to a known one.

mod names;
mod tekton;
mod types;

use std::sync::LazyLock;

use serde_json::Value;

use crate::declaration::{Declaration, Examined, Scope};
use crate::document::diagnostic::Diagnostic;
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
    for (mut found, all) in [
        (errors, &mut examined.errors),
        (warnings, &mut examined.warnings),
    ] {
        found.settle(node, text);
        all.extend(found.into_vec());
        all.sort();
    }
}

/// Checks the kind of a document with a declaration, and, if the declaration is `sound`, the types in the spec of one of
/// Kubernetes' own kinds. Returns the errors and the warnings.
pub(crate) fn check_document(document: &Node, sound: bool) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let (mut errors, mut warnings) = (Diagnostics::default(), Diagnostics::default());
    let root = Cursor::root(document);
    let text = |key| document.text_of(key).filter(|text| !text.is_empty());
    match (text("apiVersion"), text("kind")) {
        (Some(version), Some(kind)) if version.starts_with("tekton.dev/") => {
            let warnings = Some(&mut warnings).filter(|_| sound);
            tekton::check(version, kind, &root, &mut errors, warnings);
        }
        (Some(version), Some(kind)) => {
            let is_known = names::check(version, kind, &root, &mut errors, &mut warnings);
            let own = OUTLINE["kinds"][version][kind].as_str();
            let own = own.filter(|_| is_known && sound);
            if let (Some(own), Some(spec)) = (own, root.field("spec")) {
                let mut types = types::Types {
                    template: None,
                    declaration: &Declaration::default(),
                    scope: &Scope::default(),
                    errors: &mut errors,
                    warnings: &mut warnings,
                };
                types.check_field(own, "spec", &spec);
            }
        }
        // Injection adds the version of Tekton's kinds.
        (None, Some(kind)) if !tekton::has(kind) => {
            let message = "'apiVersion' is missing; Kubernetes requires it";
            let version = names::version_of(kind);
            let help = version.map(|version| format!("add apiVersion: {version}"));
            errors.add(&root, message, help);
        }
        (None, Some(_)) | (_, None) => {}
    }
    (errors.into_vec(), warnings.into_vec())
}

/// Returns true if the group of an `apiVersion` is neither Kubernetes' own nor Tekton's, so that a controller may copy
/// parts of such an object into others.
pub(crate) fn is_foreign(version: &str) -> bool {
    let group = version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && group != "tekton.dev" && !names::has_group(group)
}

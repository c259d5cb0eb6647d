//! Kubernetes' own kinds: checks a template against the types of its kind, so that errors are reported before an API server
//! rejects the object.
//!
//! `outline.json` contains the same types as the local API server in `gleaner run`, for the Kubernetes version in [`VERSION`].
//! Later versions may have more fields, so an unknown field deep in an object is only a warning. If the name of an
//! unknown field is similar to the name of a known field, the finding is an error.

mod awaited;
mod metadata;
mod names;
mod rules;
mod status;
mod types;
mod values;

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::declaration::{Declaration, Examined, Scope};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Node};
use crate::task::fields::Unknown;
use crate::task::site::{TEKTON, is_tekton};

pub(crate) use names::group_of;
pub use names::is_own_group;

/// The Kubernetes version from which the types are taken.
pub const VERSION: &str = "1.33";

static OUTLINE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("kinds/outline.json")).expect("invariant: generated JSON")
});

/// Fields that Kubernetes added after [`VERSION`] to the types that a pod template uses.
const LATER: [&str; 3] = ["fileKeyRef", "podCertificate", "workloadRef"];

/// Reports the fields of `cursor`, at any depth, that a `v1` kind does not have. `path` leads from the kind to the type of
/// `cursor`, such as `Pod`, `spec`, `volumes`.
pub(crate) fn check_fields(path: &[&str], cursor: &Cursor<'_>, found: &mut Unknown) {
    let Some((kind, fields)) = path.split_first() else {
        return;
    };
    let mut own = OUTLINE["kinds"]["v1"][kind].as_str().unwrap_or_default();
    for field in fields {
        let kind = own.trim_start_matches("[]").trim_start_matches("{}");
        own = field_type(kind, field).unwrap_or_default();
    }
    check_fields_of(own, cursor, found);
}

fn check_fields_of(own: &str, cursor: &Cursor<'_>, found: &mut Unknown) {
    let mut ignored = Diagnostics::default();
    if let Some(item) = own.strip_prefix("[]") {
        for cursor in cursor.items(&mut ignored) {
            check_fields_of(item, &cursor, found);
        }
    } else if let Some(value) = own.strip_prefix("{}") {
        for (_, cursor) in cursor.entries(&mut ignored) {
            check_fields_of(value, &cursor, found);
        }
    } else if let (Some(fields), Some(_)) = (fields_of(own), cursor.node.mapping()) {
        let known: Vec<&str> = fields.keys().map(String::as_str).chain(LATER).collect();
        found.add(cursor, &known);
        for (key, cursor) in cursor.entries(&mut ignored) {
            if let Some(own) = fields.get(key).and_then(Value::as_str) {
                check_fields_of(own, &cursor, found);
            }
        }
    }
}

/// Returns the fields of an object type. `own` is the index of the type.
fn fields_of(own: &str) -> Option<&'static Map<String, Value>> {
    let index: usize = own.parse().ok()?;
    OUTLINE["types"][index]["fields"].as_object()
}

fn field_type(own: &str, field: &str) -> Option<&'static str> {
    fields_of(own)?.get(field)?.as_str()
}

/// Checks the kind of each object in the declaration `node`, and the types of its fields. A running sidecar leaves this check to
/// the API server.
pub fn check(node: &Node, text: Option<&str>, scope: &Scope, examined: &mut Examined) {
    let (mut errors, mut warnings) = (Diagnostics::default(), Diagnostics::default());
    let declared = &examined.declaration;
    let root = Cursor::root(node);
    for item in root.list_of("resources") {
        if let Some(metadata) = item.field("metadata") {
            let mut types = types::Types::new(declared, scope, &mut errors, &mut warnings);
            types.check_metadata(&metadata, false);
        }
    }
    for item in root.list_of("objects") {
        let Some(object) = item.field("resourceTemplate") else {
            continue;
        };
        let text = |key| {
            let text = object.node.text_of(key);
            text.filter(|text| !text.is_empty() && !text.contains('$'))
        };
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            continue;
        };
        if !names::check(version, kind, &object, &mut errors, &mut warnings) {
            continue;
        }
        let mut templates = declared.templates.iter();
        let mut types = types::Types::new(declared, scope, &mut errors, &mut warnings);
        types.template = templates.find(|one| one.place == item.place);
        let is_whole = item.node.text_of("policy") != Some("Apply");
        check_object(&mut types, version, kind, &object, is_whole);
    }
    for template in &declared.templates {
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

/// Checks the kind of a document that contains a declaration. If the declaration is valid (`sound` is true),
/// also checks the metadata and, for a built-in kind, the types of the fields. Returns the errors and the warnings.
pub(crate) fn check_document(document: &Node, sound: bool) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let (mut errors, mut warnings) = (Diagnostics::default(), Diagnostics::default());
    let root = Cursor::root(document);
    let text = |key| document.text_of(key).filter(|text| !text.is_empty());
    let is_known = match (text("apiVersion"), text("kind")) {
        (Some(version), Some(kind)) if is_tekton(document) => {
            let warnings = Some(&mut warnings).filter(|_| sound);
            names::check_tekton_document(version, kind, &root, &mut errors, warnings)
        }
        (Some(version), Some(kind)) => {
            names::check(version, kind, &root, &mut errors, &mut warnings)
        }
        // Tekton's kinds need no `apiVersion`, because injection sets it.
        (None, Some(kind)) if !TEKTON.contains(&kind) => {
            let message = "'apiVersion' is missing, but Kubernetes requires it";
            let version = names::version_of(kind);
            let help = version.map(|version| format!("add apiVersion: {version}"));
            errors.add(&root, message, help);
            false
        }
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if is_known && sound {
        let declared = Declaration::default();
        let scope = Scope::default();
        let mut types = types::Types::new(&declared, &scope, &mut errors, &mut warnings);
        let version = text("apiVersion").unwrap_or_default();
        check_object(
            &mut types,
            version,
            text("kind").unwrap_or_default(),
            &root,
            true,
        );
    }
    (errors.into_vec(), warnings.into_vec())
}

/// If the kind is built-in, checks all fields of the object; otherwise, checks only the metadata. If `is_whole` is
/// true, also checks the rules that involve several fields. `is_whole` is false for an applied object, because the object may
/// already exist, with the fields that the template omits.
fn check_object(
    types: &mut types::Types<'_>,
    version: &str,
    kind: &str,
    object: &Cursor<'_>,
    is_whole: bool,
) {
    if let Some(own) = OUTLINE["kinds"][version][kind].as_str() {
        types.check_object(own, object, kind);
        if is_whole {
            rules::check(version, kind, object, types.errors);
        }
    } else if let Some(metadata) = object.field("metadata") {
        types.check_metadata(&metadata, false);
    }
}

/// Returns true if the group in an `apiVersion` is neither Kubernetes' own nor Tekton's. The controller of such a kind may copy
/// parts of an object into other objects.
pub(crate) fn is_foreign(version: &str) -> bool {
    let group = group_of(version);
    let is_tekton = group == "tekton.dev" || group.ends_with(".tekton.dev");
    group.contains('.') && !is_tekton && !is_own_group(group)
}

/// Returns an object type, with its `fields` and the names of its `required` fields. `own` is the index of the type.
fn fields(own: &str) -> &'static Value {
    let index = own.parse::<usize>().unwrap_or(usize::MAX);
    &OUTLINE["types"][index]
}

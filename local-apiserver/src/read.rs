//! GET: one object, or a list of them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::create::key;
use crate::kind::Kind;
use crate::options::Options;
use crate::selector::Selector;
use crate::status::Refusal;
use crate::store::Store;

/// One object.
///
/// # Errors
///
/// 404 when it is not there.
pub(crate) fn get(
    store: &Store,
    kind: &Kind,
    namespace: &str,
    name: &str,
) -> Result<Arc<Value>, Refusal> {
    store
        .hold()
        .get(&key(kind, namespace, name))
        .map(|object| in_version(kind, object))
        .ok_or_else(|| Refusal::not_found(&kind.group, &kind.plural, name))
}

/// The objects of a kind, in one namespace or in all.
///
/// # Errors
///
/// 400 for a selector that cannot be understood.
pub(crate) fn list(
    store: &Store,
    kind: &Kind,
    namespace: Option<&str>,
    options: &Options,
) -> Result<Value, Refusal> {
    let selector = Selector::parse(options)?;
    let held = store.hold();
    let items: Vec<Value> = held
        .list(&kind.qualified_plural(), namespace)
        .into_iter()
        .filter(|(_, object)| selector.matches(object))
        .map(|(_, object)| Arc::unwrap_or_clone(in_version(kind, object)))
        .collect();
    Ok(json!({
        "kind": format!("{}List", kind.kind),
        "apiVersion": kind.api_version(),
        "metadata": { "resourceVersion": held.revision().to_string() },
        "items": items,
    }))
}

/// The object as the asked-for version shows it: only the `apiVersion` differs, as under a CRD's conversion `None`.
pub(crate) fn in_version(kind: &Kind, mut object: Arc<Value>) -> Arc<Value> {
    let version = kind.api_version();
    if object["apiVersion"] != *version {
        Arc::make_mut(&mut object)["apiVersion"] = version.into();
    }
    object
}

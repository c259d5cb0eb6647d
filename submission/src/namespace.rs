//! The namespace of an object.

use serde_json::Value;

use super::error::Reason;
use super::kind::Kind;
use super::owner_references;

/// Sets the namespace of `object` to the namespace in its template, or by default to the run's namespace. Returns that namespace,
/// or `None` for a cluster-scoped kind.
pub(super) fn assign(
    kind: &Kind,
    object: &mut Value,
    owned: bool,
    run: &str,
) -> Result<Option<String>, Reason> {
    let given = object["metadata"]["namespace"].as_str().map(str::to_owned);
    check(kind, given.as_deref(), owned, run)?;
    if !kind.namespaced {
        return Ok(None);
    }
    if given.is_none() {
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        if let Some(metadata) = metadata {
            metadata.insert("namespace".to_owned(), run.into());
        }
    }
    Ok(Some(given.unwrap_or_else(|| run.to_owned())))
}

/// Checks that an object of this kind may be in the namespace that its template specifies.
pub(super) fn check(
    kind: &Kind,
    given: Option<&str>,
    owned: bool,
    run: &str,
) -> Result<(), Reason> {
    match given {
        Some(given) if !kind.namespaced => {
            let name = &kind.name;
            let words = format!(
                "{name} is cluster-scoped, but the template specifies the namespace '{given}'"
            );
            let remedy = "remove metadata.namespace";
            Err(Reason::Misplaced { words, remedy })
        }
        _ if owned => owner_references::check_namespace(kind, given, run),
        _ => Ok(()),
    }
}

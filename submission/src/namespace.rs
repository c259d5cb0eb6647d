//! The namespace of an object: an owned one must be in the namespace of the run.

use serde_json::Value;

use super::error::Reason;
use super::kind::Kind;

/// Gives `object` the namespace of its template, or else that of the run, and returns it; none for a cluster-scoped kind.
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

/// Checks that an object of this kind can be in the namespace that its template gives it.
pub(super) fn check(
    kind: &Kind,
    given: Option<&str>,
    owned: bool,
    run: &str,
) -> Result<(), Reason> {
    let name = &kind.name;
    let (words, remedy) = match given {
        Some(given) if !kind.namespaced => (
            format!("{name} is cluster-scoped, but the template names the namespace '{given}'"),
            "remove metadata.namespace",
        ),
        None if !kind.namespaced && owned => (
            format!(
                "{name} is cluster-scoped, and such an object cannot be owned by a run in '{run}': the garbage \
                 collector would delete it at once"
            ),
            "set owned: false",
        ),
        Some(given) if owned && given != run => (
            format!(
                "an owned object must be in the namespace of the run, '{run}', not in '{given}': the garbage \
                 collector deletes an object whose owner is elsewhere, at once and silently"
            ),
            "set owned: false or leave out metadata.namespace",
        ),
        _ => return Ok(()),
    };
    Err(Reason::Misplaced { words, remedy })
}

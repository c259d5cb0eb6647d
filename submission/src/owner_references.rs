//! The owner references of an object, and the fallback if the API server refuses `blockOwnerDeletion`.

use serde_json::Value;

use super::error::Reason;
use super::kind::Kind;

/// The note that users receive if the API server refuses `blockOwnerDeletion`.
pub(super) const UNBLOCKED: &str = "the API server does not let the run's ServiceAccount set blockOwnerDeletion, so it is false \
                         in the owner references; grant `update` on the owner's `finalizers` to enable it";

/// Sets `blockOwnerDeletion` to false in the owner references, for API servers that do not allow the run's ServiceAccount to set
/// this field to true (`OwnerReferencesPermissionEnforcement`, as on OpenShift).
pub(super) fn unblock(object: &mut Value) {
    let references = object.pointer_mut("/metadata/ownerReferences");
    for reference in references
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(block) = reference.get_mut("blockOwnerDeletion") {
            *block = false.into();
        }
    }
}

/// Checks that a run can own an object of this kind in the namespace `given`. The garbage collector looks up an owner only in the
/// namespace of the object, so the object must be in the run's namespace.
pub(super) fn check_namespace(kind: &Kind, given: Option<&str>, run: &str) -> Result<(), Reason> {
    let (words, remedy) = match given {
        None if !kind.namespaced => (
            format!(
                "{} is cluster-scoped and cannot be owned by a run in namespace '{run}', because the garbage \
                 collector would delete it immediately",
                kind.name
            ),
            "set owned: false",
        ),
        Some(given) if given != run => (
            format!(
                "an owned object must be in the run's namespace '{run}', not in '{given}', because the garbage \
                 collector silently deletes an object whose owner is in another namespace"
            ),
            "set owned: false or omit metadata.namespace",
        ),
        _ => return Ok(()),
    };
    Err(Reason::Misplaced { words, remedy })
}

/// Returns the UIDs in an object's owner references.
pub(super) fn uids(object: &Value) -> impl Iterator<Item = &str> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["uid"].as_str())
}

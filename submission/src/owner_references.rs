//! The owner references of an object, and the fallback where `blockOwnerDeletion` is refused.

use serde_json::Value;

/// The note that goes with [`Round::Unblocked`].
pub(super) const UNBLOCKED: &str = "the API server does not let the run's ServiceAccount set blockOwnerDeletion, so the owner \
                         references do without it; grant `update` on the owner's `finalizers` to have it";

/// Takes `blockOwnerDeletion` out of force, for API servers that do not let the run's ServiceAccount set it
/// (`OwnerReferencesPermissionEnforcement`, as on OpenShift).
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

/// The UIDs in an object's owner references.
pub(super) fn uids(object: &Value) -> impl Iterator<Item = &str> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["uid"].as_str())
}

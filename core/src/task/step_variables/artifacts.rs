//! Variables for Tekton's artifacts.

/// Returns the message and the remedy for an artifact variable.
pub(super) fn only_in_a_cluster(inner: &str) -> (String, Option<String>) {
    let message = format!("`$({inner})`: artifacts are available only in a cluster");
    (message, Some("use a result or an output".to_owned()))
}

/// Returns true if the variable refers to a step's artifacts. Tekton rejects such a variable unless its feature flag
/// `enable-artifacts` is set.
pub(super) fn is_artifact(inner: &str) -> bool {
    let words: Vec<&str> = inner.splitn(4, '.').collect();
    matches!(
        words.as_slice(),
        ["step", "artifacts", ..] | ["steps", _, "inputs" | "outputs", ..]
    )
}

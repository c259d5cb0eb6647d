//! What the kubelet does to `$` in commands, arguments and variables, undone beforehand.

/// Writes `text` so that the kubelet's expansion gives it back: `$$` becomes `$`, and `$(NAME)` the value of a variable
/// (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
pub(super) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

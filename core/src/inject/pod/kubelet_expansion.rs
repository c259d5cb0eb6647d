//! Escapes `$` in commands, arguments and variables, which the kubelet expands.

/// Escapes `text` so that the kubelet's expansion restores it: `$$` becomes `$`, and `$(NAME)` the value of a variable
/// (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
pub(super) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

//! Escapes `$` in commands, arguments and environment variables, because the kubelet expands `$(NAME)` there.

/// Escapes `text` so that the kubelet's expansion restores it. The kubelet replaces `$$` with `$`, and `$(NAME)` with the value
/// of an environment variable (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
pub(super) fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

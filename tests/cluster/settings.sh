# What the cluster's scripts agree on: where things are, addresses, names. To be sourced.
# shellcheck shell=bash disable=SC2034

state="${GLEANER_CLUSTER_DIR:-/tmp/gleaner-cluster}"
cluster_scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
kubeconfig="$state/kubeconfig"

node=gleaner-node
bridge=gleaner0
# The node's address on the bridge: the API server, the kubelet and the git server are there for pods and processes alike.
address=10.244.0.1
pods=10.244.0.0/24
services=10.96.0.0/16
apiserver="https://$address:6443"
containerd_socket="$state/containerd.sock"
images=localhost/gleaner-test

# The process that all others live and die with (see `capsule`), or nothing when it does not run.
capsule_process() {
  local process
  process="$(cat "$state/process" 2>/dev/null)" || return 0
  # The number may be another's by now: ours carries the folder in its command line.
  if tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline" | grep -qF "/capsule $state "; then
    printf '%s\n' "$process"
  fi
}

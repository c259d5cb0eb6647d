# What the cluster's scripts agree on: where things are, addresses, names. To be sourced.
# shellcheck shell=bash disable=SC2034

state="${GLEANER_CLUSTER_DIR:-/tmp/gleaner-cluster}"
# Tells a cluster's folder from any other, which nobody may empty.
marker="$state/.gleaner-cluster"
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

# The process that all others live and die with (see `init`), or nothing when it does not run.
init_process() { pgrep -f "^unshare .*/init $state " || true; }

# The folder of the cluster that the bridge belongs to, or nothing: there can be one cluster on a machine.
bridge_owner() { cat "/sys/class/net/$bridge/ifalias" 2>/dev/null || true; }

# Prints why the state folder must not be emptied, or nothing: it has lost its marker, and no process or bridge shows that it
# is a cluster's.
foreign_state() {
  if [ -d "$state" ] && [ ! -e "$marker" ] && [ -n "$(ls -A "$state")" ] && [ -z "$(init_process)" ] &&
    [ "$(bridge_owner)" != "$state" ]; then
    echo "GLEANER_CLUSTER_DIR=$state has no ${marker##*/}, so it may hold other things than a cluster; name an empty directory, or remove this one"
  fi
}

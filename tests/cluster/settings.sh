# Settings shared by the cluster's scripts: paths, addresses, names. To be sourced.
# shellcheck shell=bash disable=SC2034

state="${GLEANER_CLUSTER_DIR:-/tmp/gleaner-cluster}"
# The marker file of a cluster's directory. A directory without it is never emptied.
marker="$state/.gleaner-cluster"
cluster_scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
kubeconfig="$state/kubeconfig"

node=gleaner-node
bridge=gleaner0
# The node's address on the bridge, at which pods and processes reach the API server, the kubelet and the git server.
address=10.244.0.1
pods=10.244.0.0/24
services=10.96.0.0/16
apiserver="https://$address:6443"
containerd_socket="$state/containerd.sock"
images=localhost/gleaner-test
# The free disk space in MiB that the cluster requires to start. All cases together use 700 MiB.
disk=1024

# Prints the id of the process whose namespaces contain all others (see `init`), or nothing if it is not running.
init_process() { pgrep -f "^unshare .*/init $state " || true; }

# Prints the directory of the cluster that owns the bridge, or nothing. Only one cluster can run on a machine.
bridge_owner() { cat "/sys/class/net/$bridge/ifalias" 2>/dev/null || true; }

# Prints the reason if the state directory must not be emptied: it has no marker, and no process or bridge shows that it belongs to a
# cluster.
foreign_state() {
  if [ -d "$state" ] && [ ! -e "$marker" ] && [ -n "$(ls -A "$state")" ] && [ -z "$(init_process)" ] &&
    [ "$(bridge_owner)" != "$state" ]; then
    echo "GLEANER_CLUSTER_DIR=$state has no ${marker##*/}, so it may contain other data; use an empty directory, or remove this one"
  fi
}

# Prints pods, warnings and the conditions of the node, which show why pods do not start. Needs a function `kubectl`.
show_pods() {
  kubectl get pods --all-namespaces --output=wide
  kubectl get events --all-namespaces --field-selector=type=Warning --sort-by=.lastTimestamp | tail -n 12
  kubectl get node "$node" --output=jsonpath='{range .status.conditions[*]}{.type}={.status} {.message}{"\n"}{end}'
}

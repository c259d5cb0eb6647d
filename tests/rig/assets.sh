#!/usr/bin/env bash
# Prints the directory of the programs that the tests need, and builds missing programs.
#
#   assets.sh           the programs of the rig: etcd and kube-apiserver
#   assets.sh cluster   the programs of the cluster: those of the rig and those that tests/cluster/up starts, with Tekton's YAML in tekton-config/
#   assets.sh helm      Helm alone, for the tests of the chart
#   assets.sh rules     check-rules, which parses Prometheus rules, for the tests of the chart
#
#   KUBEBUILDER_ASSETS  a directory that already contains the rig's programs (the cluster always uses the versions in assets/)
#   GLEANER_CACHE       directory of built programs (default: $XDG_CACHE_HOME/gleaner or ~/.cache/gleaner)
#
# Each program is built once, from its Go module (the go.mod files in assets/ determine the versions), and cached.
# Building takes some minutes for the rig, and 15 minutes and gigabytes of module and build cache for the cluster.
# Progress goes to stderr.
# Exit codes: 0 found or built, 3 neither the programs nor Go are installed (the suites then report as skipped), 1 the build failed.
set -euo pipefail

# One line per program: its name, the directory of its module, its package. The package is also a `tool` in that go.mod.
rig_programs=(
  "etcd            .  go.etcd.io/etcd/server/v3"
  "kube-apiserver  .  k8s.io/kubernetes/cmd/kube-apiserver"
)
helm_programs=(
  "helm                      helm    helm.sh/helm/v4/cmd/helm"
)
rules_programs=(
  "check-rules               rules   ."
)
cluster_programs=(
  "${rig_programs[@]}"
  "kube-controller-manager   .       k8s.io/kubernetes/cmd/kube-controller-manager"
  "kube-scheduler            .       k8s.io/kubernetes/cmd/kube-scheduler"
  "kubelet                   .       k8s.io/kubernetes/cmd/kubelet"
  "kube-proxy                .       k8s.io/kubernetes/cmd/kube-proxy"
  "kubectl                   .       k8s.io/kubernetes/cmd/kubectl"
  "tekton-controller         tekton  github.com/tektoncd/pipeline/cmd/controller"
  "tekton-webhook            tekton  github.com/tektoncd/pipeline/cmd/webhook"
  "tekton-entrypoint         tekton  github.com/tektoncd/pipeline/cmd/entrypoint"
  "tekton-nop                tekton  github.com/tektoncd/pipeline/cmd/nop"
  "tekton-workingdirinit     tekton  github.com/tektoncd/pipeline/cmd/workingdirinit"
  "tekton-sidecarlogresults  tekton  github.com/tektoncd/pipeline/cmd/sidecarlogresults"
  "${helm_programs[@]}"
)

case "${1:-rig}" in
  rig) programs=("${rig_programs[@]}") ;;
  cluster) programs=("${cluster_programs[@]}") ;;
  helm) programs=("${helm_programs[@]}") ;;
  rules) programs=("${rules_programs[@]}") ;;
  *)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 1
    ;;
esac
wanted="${1:-rig}"

say() { printf 'rig: %s\n' "$*" >&2; }

holds_all() {
  local program
  for program in "${programs[@]}"; do
    [ -x "$1/${program%% *}" ] || return 1
  done
}

if [ "$wanted" = rig ] && [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  if holds_all "$KUBEBUILDER_ASSETS"; then
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    exit 0
  fi
  say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks one of: $(printf '%s\n' "${programs[@]}" | cut -d' ' -f1 | paste -sd' ')"
  exit 3
fi

assets="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/assets"
cache="${GLEANER_CACHE:-${XDG_CACHE_HOME:-${HOME:?neither GLEANER_CACHE nor HOME is set}/.cache}/gleaner}"

# version_of MODULE-DIRECTORY PATH: the version that its go.mod requires.
version_of() { awk -v path="$2" '$1 == path { print $2; exit }' "$assets/$1/go.mod"; }

kubernetes="$(version_of . k8s.io/kubernetes)"
tekton="$(version_of tekton github.com/tektoncd/pipeline)"
helm="$(version_of helm helm.sh/helm/v4)"
prometheus="$(version_of rules github.com/prometheus/prometheus)"

# home_of MODULE-DIRECTORY: prints the cache directory of the module's programs. The key covers the versions in go.mod and our own source.
home_of() {
  local name key
  case "$1" in
    .) name="rig-$kubernetes" ;;
    tekton) name="tekton-$tekton" ;;
    helm) name="helm-$helm" ;;
    rules) name="rules-$prometheus" ;;
  esac
  key="$({ cat "$assets/$1/go.mod" "$assets/$1/go.sum"; if [ "$1" = rules ]; then cat "$assets/$1/main.go"; fi; uname -sm; } | sha256sum | cut -c1-12)"
  printf '%s/%s-%s\n' "$cache" "$name" "$key"
}

# Without these values, the server reports v0.0.0 as its version, and enables the wrong features.
kubernetes_stamp() {
  local number="${kubernetes#v}" variable="k8s.io/component-base/version"
  printf -- '-X %s.gitVersion=%s ' "$variable" "$kubernetes"
  printf -- '-X %s.gitMajor=%s ' "$variable" "${number%%.*}"
  number="${number#*.}"
  printf -- '-X %s.gitMinor=%s' "$variable" "${number%%.*}"
}

# build NAME MODULE-DIRECTORY PACKAGE: builds a program into its cache directory, unless it exists.
build() {
  local name="$1" folder="$2" package="$3" home stamp='' half_done
  home="$(home_of "$folder")"
  [ -x "$home/$name" ] && return
  if ! command -v go >/dev/null; then
    say "neither $name nor Go (to build it) is installed"
    exit 3
  fi
  mkdir -p "$home"
  # A concurrent caller waits here until the program is built. The lock is released when the process exits.
  exec 9>"$home/.$name.lock"
  if command -v flock >/dev/null; then
    flock 9
    [ -x "$home/$name" ] && return
  fi
  [ "$folder" != . ] || stamp="$(kubernetes_stamp)"
  say "building $name (${home##*/}; only once; takes minutes)"
  half_done="$home/.$name.$$"
  (cd "$assets/$folder" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' \
    go build -trimpath -ldflags "-s -w $stamp" -o "$half_done" "$package") >&2
  mv "$half_done" "$home/$name"
}

for program in "${programs[@]}"; do
  read -r name folder package <<<"$program"
  build "$name" "$folder" "$package"
done

if [ "$wanted" = helm ] || [ "$wanted" = rules ]; then
  home_of "$wanted"
  exit 0
fi

rig="$(home_of .)"
if [ "$wanted" = rig ]; then
  # By convention, the directory also contains kubectl. The suites do not need it.
  if [ ! -x "$rig/kubectl" ] && kubectl="$(command -v kubectl)"; then
    ln -sf "$kubectl" "$rig/kubectl"
  fi
  printf '%s\n' "$rig"
  exit 0
fi

# The cluster's directory contains links into the modules' directories, and the YAML for installing Tekton.
homes="$rig $(home_of tekton) $(home_of helm)"
cluster="$cache/cluster-$kubernetes-tekton-$tekton-$(printf '%s\n' "$homes" "${programs[@]}" | sha256sum | cut -c1-12)"
if ! holds_all "$cluster" || [ ! -d "$cluster/tekton-config" ]; then
  new="$(mktemp -d "$cluster.XXXXXX")"
  trap 'rm -rf "$new"' EXIT
  for program in "${programs[@]}"; do
    read -r name folder package <<<"$program"
    home="$(home_of "$folder")"
    ln -s "../${home##*/}/$name" "$new/$name"
  done
  (cd "$assets/tekton" && go mod download github.com/tektoncd/pipeline) >&2
  source="$(cd "$assets/tekton" && go list -mod=readonly -m -f '{{.Dir}}' github.com/tektoncd/pipeline)"
  cp -r --no-preserve=mode "$source/config" "$new/tekton-config"
  printf '%s\n' "$tekton" >"$new/tekton-config/version"
  chmod 0755 "$new"
  # If two processes get here at the same time, the first one to rename wins, and both print its directory.
  if ! mv -T "$new" "$cluster" 2>/dev/null && ! holds_all "$cluster"; then
    rm -rf "$cluster"
    mv -T "$new" "$cluster"
  fi
fi
printf '%s\n' "$cluster"

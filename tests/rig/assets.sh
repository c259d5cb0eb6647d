#!/usr/bin/env bash
# Prints the folder that holds the rig's programs: etcd and kube-apiserver.
#
#   KUBEBUILDER_ASSETS  a folder that has them already: taken as it is
#   GLEANER_CACHE       where what is built here stays (default: $XDG_CACHE_HOME/gleaner or ~/.cache/gleaner)
#
# Without the former they are built once, from their Go modules (assets/go.mod holds the versions), and cached.
# That takes minutes, and two gigabytes of module and build cache. Progress goes to stderr.
# Exit codes: 0 there, 3 neither the programs nor Go are to be had (the suites then report as skipped), 1 the build failed.
set -euo pipefail

# One line a program: its name, its package. The package is also a `tool` in assets/go.mod.
programs=(
  "etcd            go.etcd.io/etcd/server/v3"
  "kube-apiserver  k8s.io/kubernetes/cmd/kube-apiserver"
)

say() { printf 'rig: %s\n' "$*" >&2; }

holds_all() {
  local program
  for program in "${programs[@]}"; do
    [ -x "$1/${program%% *}" ] || return 1
  done
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  if holds_all "$KUBEBUILDER_ASSETS"; then
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    exit 0
  fi
  say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks one of: $(printf '%s\n' "${programs[@]}" | cut -d' ' -f1 | paste -sd' ')"
  exit 3
fi

module="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/assets"
version="$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$module/go.mod")"
# The key covers versions and list alike: a changed line gives another folder, never a half-old one.
key="$({ cat "$module/go.mod" "$module/go.sum"; printf '%s\n' "${programs[@]}"; uname -sm; } | sha256sum | cut -c1-12)"
cache="${GLEANER_CACHE:-${XDG_CACHE_HOME:-${HOME:?neither GLEANER_CACHE nor HOME is set}/.cache}/gleaner}"
home="$cache/rig-$version-$key"

if holds_all "$home"; then
  printf '%s\n' "$home"
  exit 0
fi
if ! command -v go >/dev/null; then
  say "neither KUBEBUILDER_ASSETS nor Go (to build etcd and kube-apiserver) is here"
  exit 3
fi

mkdir -p "$cache"
# Who comes second waits here, and then finds the folder. The lock goes with the process, however it ends.
exec 9>"$home.lock"
if command -v flock >/dev/null; then
  flock 9
  if holds_all "$home"; then
    printf '%s\n' "$home"
    exit 0
  fi
fi

build="$(mktemp -d "$home.XXXXXX")"
trap 'rm -rf "$build"' EXIT
# Without the stamp the server calls itself v0.0.0, and its version gates misfire.
stamp="-X k8s.io/component-base/version.gitVersion=$version"
major_minor="${version#v}"
stamp+=" -X k8s.io/component-base/version.gitMajor=${major_minor%%.*}"
major_minor="${major_minor#*.}"
stamp+=" -X k8s.io/component-base/version.gitMinor=${major_minor%%.*}"
for program in "${programs[@]}"; do
  read -r name package <<<"$program"
  say "building $name (for Kubernetes $version; once, minutes)"
  (cd "$module" && CGO_ENABLED=0 GOFLAGS='-mod=readonly -buildvcs=false' \
    go build -trimpath -ldflags "-s -w $stamp" -o "$build/$name" "$package") >&2
done
# The convention has kubectl beside them; the suites do without.
if kubectl="$(command -v kubectl)"; then
  ln -s "$kubectl" "$build/kubectl"
fi
chmod 0755 "$build"

# Without flock two may have built; the first to rename wins, and both answer with its folder.
if ! mv -T "$build" "$home" 2>/dev/null && ! holds_all "$home"; then
  rm -rf "$home"
  mv -T "$build" "$home"
fi
say "built into $home"
printf '%s\n' "$home"

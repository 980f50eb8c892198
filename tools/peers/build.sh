#!/usr/bin/env bash
# Builds the real peers that tests and benchmarks compare with. Test-time only: nothing here is part of the product.
# usage: build.sh [NAME ...]    (default: all); prints the folder that holds the binaries.
set -euo pipefail
cd "$(dirname "$0")"
kube=v1.36.3
key=$(cat go.mod build.sh | sha256sum | cut -c1-12)
bin=${PEERS_BIN:-$PWD/bin/$key}
mkdir -p "$bin"

declare -A package=(
  [etcd]=go.etcd.io/etcd/server/v3
  [kube-apiserver]=k8s.io/kubernetes/cmd/kube-apiserver
  [kube-controller-manager]=k8s.io/kubernetes/cmd/kube-controller-manager
  [kubectl]=k8s.io/kubernetes/cmd/kubectl
  [kustomize]=sigs.k8s.io/kustomize/kustomize/v5
)
# Without these the server calls itself v0.0.0-master, and version checks of clients fail.
version=k8s.io/component-base/version
ldflags="-s -w -X $version.gitVersion=$kube -X $version.gitMajor=1 -X $version.gitMinor=36 -X $version.gitTreeState=clean"

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(etcd kubectl kube-apiserver kube-controller-manager kustomize)
for name in "${names[@]}"; do
  [ -x "$bin/$name" ] || GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$bin/$name" "${package[$name]}" >&2
done
ln -sfn "$bin" "$PWD/bin/current" 2>/dev/null || true
echo "$bin"

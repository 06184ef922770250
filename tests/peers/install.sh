#!/usr/bin/env bash
# Installs the servers of tests/peers into ${PEERS_DIR:-target/peers}. A second run does nothing
# where the pins have not changed. Needs python3 with venv, node, npm and cargo.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
peers=${PEERS_DIR:-$root/target/peers}
mkdir -p "$peers"
peers=$(cd "$peers" && pwd)

for tool in python3 node npm cargo; do
  command -v "$tool" >/dev/null || { echo "install.sh: $tool is missing" >&2; exit 1; }
done

# Runs "$@" for the folder $1 unless its pins, in $2, are what was installed last.
once() {
  local name=$1 pins=$2 sum
  shift 2
  sum=$(sha256sum <"$here/$name/$pins")
  if [[ -f $peers/$name/.pins && $(<"$peers/$name/.pins") == "$sum" ]]; then
    return
  fi
  mkdir -p "$peers/$name"
  rm -f "$peers/$name/.pins"
  "$@" "$name"
  printf '%s\n' "$sum" >"$peers/$name/.pins"
}

python_peer() {
  rm -rf "$peers/$1/venv"
  python3 -m venv "$peers/$1/venv"
  "$peers/$1/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-input --no-deps --requirement "$here/$1/requirements.txt"
}

node_peer() {
  cp "$here/$1/package.json" "$here/$1/package-lock.json" "$peers/$1/"
  (cd "$peers/$1" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
}

rust_peer() {
  CARGO_TARGET_DIR=$peers/$1 cargo build --quiet --locked \
    --manifest-path "$here/$1/Cargo.toml"
}

# Runs "$@" in the background; what it prints appears only when it fails.
declare -A jobs
background() {
  local log=$peers/install-$1.log
  ("${@:2}") >"$log" 2>&1 &
  jobs[$1]=$!
}

background rmcp-server rust_peer rmcp-server
for name in fastmcp mcp2 mcp1; do
  background "$name" once "$name" requirements.txt python_peer
done
for name in typescript oidc everything punkpeye conformance; do
  background "$name" once "$name" package-lock.json node_peer
done

failed=0
for name in "${!jobs[@]}"; do
  if ! wait "${jobs[$name]}"; then
    failed=1
    echo "install.sh: $name failed:" >&2
    cat "$peers/install-$name.log" >&2
  fi
  rm -f "$peers/install-$name.log"
done
exit "$failed"

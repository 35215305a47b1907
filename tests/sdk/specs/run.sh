#!/usr/bin/env bash
# Holds every answer of recorded runs against Azure's API descriptions, and sends every example of them.
# AZURE_SPECS names the directory that holds them; arguments: recordings of SDK runs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${AZURE_SPECS:-} ]]; then
    echo "left out: AZURE_SPECS is not set"
    exit
fi
specs=$(cd "$AZURE_SPECS" && pwd)
# shellcheck source=../simulator.sh
. "$here/../simulator.sh"
node_installed specs "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
beside_packages "$work" "$here"/*.js "$here"/{differences,beyond}.json "$here/../environment.js" "$here/../truth"/{operations,generated}.js
ln -s "$here/../evidence" "$work/evidence"
simulator_starts --no-throttling
trap 'simulator_ends; rm -rf "$work"' EXIT
node "$work/examples.js" "$specs" "$work/examples.jsonl"
node "$work/validate.js" "$specs" "$@" "$work/examples.jsonl"

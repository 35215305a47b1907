#!/usr/bin/env bash
# Drives azure-sim with Microsoft's own JavaScript clients, unmodified: where they disagree, the simulator is wrong.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory); arguments: test files (default: all).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../simulator.sh
. "$here/../simulator.sh"

node_installed js "$here"
if (($# == 0)); then
    set -- "$here"/*.test.js
fi
run=$(mktemp -d)
simulator_starts
trap 'simulator_ends; rm -rf "$run"' EXIT
beside_packages "$run" "$here"/*.js "$here/../environment.js" "$here/../truth/operations.js"
names=("${@##*/}")
cd "$run"
# One file after the other: they share one simulator. The second reporter ends with the counts in the words of `make test`.
node --test --test-concurrency=1 \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=./closing.js --test-reporter-destination=stdout "${names[@]}"

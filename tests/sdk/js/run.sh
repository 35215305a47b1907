#!/usr/bin/env bash
# Drives azure-sim with Microsoft's own JavaScript clients, unmodified: where they disagree, the simulator is wrong.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory); arguments: test files (default: all).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../simulator.sh
. "$here/../simulator.sh"

node_packages() { # node_packages DIR
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$1"
    (cd "$1" && npm ci --loglevel=error)
}

installed js "$here/package.json" "$here/package-lock.json" -- node_packages
if (($# == 0)); then
    set -- "$here"/*.test.js
fi
# Modules are looked for from the file that imports them upwards, so the tests are shown beside their packages.
run=$(mktemp -d)
simulator_starts
trap 'simulator_ends; rm -rf "$run"' EXIT
ln -s "$installation/node_modules" "$run/node_modules"
cp "$here"/*.js "$here/package.json" "$run"
names=("${@##*/}")
cd "$run"
# One file after the other: they share one simulator. The second reporter ends with the counts in the words of `make test`.
node --test --test-concurrency=1 \
    --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=./closing.js --test-reporter-destination=stdout "${names[@]}"

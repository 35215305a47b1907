#!/usr/bin/env bash
# Shows the simulator's page to a real Chromium, and asks the doors beneath it.
# AZURE_SIM_BIN names the simulator (default: the debug build in cargo's target directory); CHROMIUM a browser that is not on
# the PATH. With a file's name as its argument it runs that file instead of the tests: `run.sh picture.mjs FILE.png`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../sdk/simulator.sh
. "$here/../sdk/simulator.sh"
simulator_named
node_installed web "$here"

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
beside_packages "$run" "$here"/*.mjs
if (($#)); then
    CALLED_IN=$PWD node "$run/$1" "${@:2}"
else
    node --test --test-reporter="$run/reporter.mjs" --test-concurrency=1 "$run"/*.test.mjs
fi

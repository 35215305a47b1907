#!/usr/bin/env bash
# Every official SDK against the simulator, one after the other, recorded; then what was recorded, and docs/simulator.md.
# all.sh [DIR]: where recordings are kept (default: nowhere).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=simulator.sh
. "$here/simulator.sh"
simulator_named
recordings=${1:-$(mktemp -d)}
mkdir -p "$recordings"
[[ -n ${1:-} ]] || trap 'rm -rf "$recordings"' EXIT
RECORDING=$recordings/python.jsonl "$here/run.sh"
node "$here/truth/evidence.js" python "$recordings/python.jsonl"
RECORDING=$recordings/javascript.jsonl "$here/js/run.sh"
node "$here/truth/evidence.js" javascript "$recordings/javascript.jsonl"
node "$here/truth/page.js"

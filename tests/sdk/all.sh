#!/usr/bin/env bash
# Every official SDK against the simulator, one after the other; what they said to each other is recorded, counted as
# evidence, and compared with docs/simulator.md.
# all.sh DIR: where recordings are kept.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=simulator.sh
. "$here/simulator.sh"
simulator_named
RECORDING=$1/python.jsonl "$here/run.sh"
node "$here/truth/evidence.js" python "$1/python.jsonl"
RECORDING=$1/javascript.jsonl "$here/js/run.sh"
node "$here/truth/evidence.js" javascript "$1/javascript.jsonl"
node "$here/truth/page.js"

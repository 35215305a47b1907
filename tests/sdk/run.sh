#!/usr/bin/env bash
# Drives azure-sim with Microsoft's own Python SDKs, unmodified: where they disagree, the simulator is wrong.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory); arguments go to pytest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=simulator.sh
. "$here/simulator.sh"
azurite_starts
installed sdk "$here/requirements.txt" -- python_packages "$here/requirements.txt"
simulator_starts --identity-listen 127.0.0.1:0
"$installation/bin/python" -B -m pytest -q -p no:cacheprovider --ignore "$here/az" "$here" "$@"

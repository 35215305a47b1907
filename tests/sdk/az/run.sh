#!/usr/bin/env bash
# Drives azure-sim with Microsoft's own command line, unmodified. Its installation takes about 750 MB in the cache.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory); arguments go to pytest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../simulator.sh
. "$here/../simulator.sh"
installed az "$here/requirements.txt" -- python_packages "$here/requirements.txt"
export AZ=$installation/bin/az
installed sdk "$here/../requirements.txt" -- python_packages "$here/../requirements.txt"
simulator_starts
"$installation/bin/python" -B -m pytest -q -p no:cacheprovider "$here" "$@"

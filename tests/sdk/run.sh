#!/usr/bin/env bash
# Drives azure-sim with Microsoft's own Python SDKs, unmodified: where they disagree, the simulator is wrong.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory); arguments go to pytest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sim=${AZURE_SIM_BIN:-${CARGO_TARGET_DIR:-$here/../../target}/debug/azure-sim}
[[ -x $sim ]] || { echo "no simulator at $sim: cargo build -p azure-sim" >&2; exit 1; }

hash=$(sha256sum "$here/requirements.txt" | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acs-operator
venv=$cache/sdk-$hash
mkdir -p "$cache"
# Scripts of a venv hold its path, so it is made in place; the mark, written last, says that it is whole.
if [[ ! -e $venv/.whole ]]; then
    (
        flock 9
        if [[ ! -e $venv/.whole ]]; then
            rm -rf "$venv"
            python3 -m venv "$venv"
            "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
            touch "$venv/.whole"
        fi
    ) 9>"$venv.lock"
fi

dir=$(mktemp -d)
pid=
finish() {
    if [[ -n $pid ]]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap finish EXIT
"$sim" run --dir "$dir" >"$dir/ready" 2>"$dir/log" &
pid=$!
for _ in $(seq 100); do
    [[ -s $dir/ready ]] && break
    kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
    sleep 0.1
done
[[ -s $dir/ready ]] || { echo "the simulator did not say that it listens" >&2; cat "$dir/log" >&2; exit 1; }

# shellcheck disable=SC1091
. "$dir/env"
"$venv/bin/python" -B -m pytest -q -p no:cacheprovider "$here" "$@"

# Sourced: the simulator under test, and what the clients that drive it are installed into.
# AZURE_SIM_BIN names the binary (default: the debug build in cargo's target directory).
sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/acs-operator
# Scripts of a virtual environment hold its path, so installations are made in place; the mark, written last, says that one
# is whole. The lock lets several runs share it.
installed() { # installed NAME FILE… -- COMMAND…: runs COMMAND with the directory as last argument; sets $installation
    local name=$1 files=()
    shift
    while [[ $1 != -- ]]; do files+=("$1"); shift; done
    shift
    installation=$cache/$name-$(cat "${files[@]}" | sha256sum | cut -c1-12)
    mkdir -p "$cache"
    [[ -e $installation/.whole ]] && return
    (
        flock 9
        [[ -e $installation/.whole ]] && exit
        rm -rf "$installation"
        mkdir "$installation"
        "$@" "$installation"
        touch "$installation/.whole"
    ) 9>"$installation.lock"
}

python_packages() { # python_packages REQUIREMENTS DIR
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --disable-pip-version-check -r "$1"
}

simulator_ends() {
    if [[ -n $simulator_pid ]]; then
        kill "$simulator_pid" 2>/dev/null || true
        wait "$simulator_pid" 2>/dev/null || true
    fi
    rm -rf "$simulator_dir"
}

# Starts one, exports where it is under the names that Azure's tools read, and stops it when the script ends.
simulator_starts() { # simulator_starts [OPTION…]
    local binary=${AZURE_SIM_BIN:-${CARGO_TARGET_DIR:-$sdk/../../target}/debug/azure-sim}
    [[ -x $binary ]] || { echo "no simulator at $binary: cargo build -p azure-sim" >&2; exit 1; }
    simulator_dir=$(mktemp -d)
    simulator_pid=
    trap simulator_ends EXIT
    "$binary" run --dir "$simulator_dir" "$@" >"$simulator_dir/ready" 2>"$simulator_dir/log" &
    simulator_pid=$!
    for _ in $(seq 100); do
        [[ -s $simulator_dir/ready ]] && break
        kill -0 "$simulator_pid" 2>/dev/null || { cat "$simulator_dir/log" >&2; exit 1; }
        sleep 0.1
    done
    [[ -s $simulator_dir/ready ]] || { echo "the simulator did not say that it listens" >&2; cat "$simulator_dir/log" >&2; exit 1; }
    # shellcheck disable=SC1091
    . "$simulator_dir/env"
}

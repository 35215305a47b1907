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

# node_installed NAME DIR: the packages of DIR's lock file; sets $installation
node_installed() {
    installed "$1" "$2/package.json" "$2/package-lock.json" -- node_packages "$2"
}

node_packages() { # node_packages FROM DIR
    cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2"
    (cd "$2" && npm ci --loglevel=error)
}

# beside_packages DIR FILE…: Node looks for packages from the file that imports them upwards, so files are run from where
# the packages of $installation are.
beside_packages() {
    local dir=$1
    shift
    ln -s "$installation/node_modules" "$dir/node_modules"
    cp "$installation/package.json" "$@" "$dir"
}

azurite_pid=
azurite_dir=
azurite_ends() {
    if [[ -n $azurite_pid ]]; then
        kill "$azurite_pid" 2>/dev/null || true
        wait "$azurite_pid" 2>/dev/null || true
    fi
    [[ -z $azurite_dir ]] || rm -rf "$azurite_dir"
}

# Starts Microsoft's emulator of storage accounts with one account, whose connection string is then in $AZURITE_CONNECTION:
# the simulator reads it as AZURE_SIM_STORAGE. To be called before simulator_starts, whose end ends both.
azurite_starts() {
    local account=contosostore key blob queue
    trap azurite_ends EXIT
    azurite_dir=$(mktemp -d)
    : >"$azurite_dir/log"
    key=$(head -c 64 /dev/urandom | base64 -w0)
    node_installed js "$sdk/js"
    (cd "$azurite_dir" && AZURITE_ACCOUNTS=$account:$key exec node "$installation/node_modules/.bin/azurite" \
        --blobPort 0 --queuePort 0 --tablePort 0 --inMemoryPersistence --disableTelemetry --silent) >"$azurite_dir/log" 2>&1 &
    azurite_pid=$!
    # It says where its three services listen, one line each.
    for _ in $(seq 300); do
        blob=$(sed -n 's/^Azurite Blob service is successfully listening at //p' "$azurite_dir/log")
        queue=$(sed -n 's/^Azurite Queue service is successfully listening at //p' "$azurite_dir/log")
        [[ -n $blob && -n $queue ]] && break
        kill -0 "$azurite_pid" 2>/dev/null || break
        sleep 0.1
    done
    [[ -n $blob && -n $queue ]] || { echo "Azurite did not say that it listens" >&2; cat "$azurite_dir/log" >&2; exit 1; }
    export AZURITE_CONNECTION="AccountName=$account;AccountKey=$key;BlobEndpoint=$blob/$account;QueueEndpoint=$queue/$account"
    export AZURE_SIM_STORAGE=$AZURITE_CONNECTION
}

simulator_ends() {
    if [[ -n $simulator_pid ]]; then
        kill "$simulator_pid" 2>/dev/null || true
        wait "$simulator_pid" 2>/dev/null || true
    fi
    rm -rf "$simulator_dir"
    azurite_ends
}

simulator_named() {
    export AZURE_SIM_BIN=${AZURE_SIM_BIN:-${CARGO_TARGET_DIR:-$sdk/../../target}/debug/azure-sim}
    [[ -x $AZURE_SIM_BIN ]] || { echo "no simulator at $AZURE_SIM_BIN: cargo build -p azure-sim" >&2; exit 1; }
}

# Starts one, exports where it is under the names that Azure's tools read, and stops it when the script ends.
# Where RECORDING names a file, what clients and simulator say to each other is written there.
simulator_starts() { # simulator_starts [OPTION…]
    simulator_named
    local program=("$AZURE_SIM_BIN")
    [[ -z ${RECORDING:-} ]] || program=(node "$sdk/truth/recorder.js" "$RECORDING" "$AZURE_SIM_BIN")
    simulator_dir=$(mktemp -d)
    simulator_pid=
    trap simulator_ends EXIT
    "${program[@]}" run --dir "$simulator_dir" "$@" >"$simulator_dir/ready" 2>"$simulator_dir/log" &
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

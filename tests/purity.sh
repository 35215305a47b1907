#!/usr/bin/env bash
# The crates that decide may depend on nothing that could make two runs differ. Of azure-sim that is its model: the crate without its
# program.
set -euo pipefail
for crate in acs-core acs-wire azure-sim; do
  tree=$(cargo tree -q -p "$crate" --no-default-features -e normal --prefix none | cut -d' ' -f1 | sort -u)
  for forbidden in tokio hyper reqwest kube-client kube-runtime rand getrandom axum; do
    if grep -qx "$forbidden" <<<"$tree"; then
      echo "$crate depends on $forbidden: decisions must not be able to reach a client, a clock or randomness" >&2
      exit 1
    fi
  done
  echo "$crate: $(wc -l <<<"$tree") crates, none that runs"
done
# Two TLS providers in one tree make every client panic at start.
for forbidden in ring openssl native-tls; do
  if [ -n "$(cargo tree -q --workspace -e normal -i "$forbidden" 2>/dev/null)" ]; then
    echo "the workspace depends on $forbidden; only aws-lc-rs may do cryptography here" >&2
    exit 1
  fi
done
echo "1 passed, 0 failed"

#!/usr/bin/env bash
# Searches for an input that makes the model of Azure panic, or breaks a property of tests/fuzz/property.rs.
# FUZZ_SECONDS is how long; INPUT=FILE sends one input instead. What was found before is where the next run begins.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${FUZZ_SECONDS:-60}
target=${CARGO_TARGET_DIR:-target}
place=$target/fuzz
mkdir -p "$place/found" "$place/seeds" "$place/broken"

start=$SECONDS
RUSTC_WORKSPACE_WRAPPER=$PWD/tests/fuzz/instrument.sh cargo build --quiet -p fuzz --features libfuzzer --bin fuzz
program=$target/debug/fuzz
echo "fuzz: built in $((SECONDS - start)) s"

# An input takes a millisecond: ten seconds are a hang.
options=(-timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1)
if [[ -n ${INPUT:-} ]]; then
  FUZZ_SHOW=1 exec "$program" "${options[@]}" "$INPUT"
fi

# Seeds and dictionary come from the program itself: it knows every operation.
rm -f "$place/seeds/"*
export FUZZ_SEEDS=$place

log=$place/log
if ! "$program" "${options[@]}" -dict="$place/dictionary" -artifact_prefix="$place/broken/" -max_total_time="$seconds" \
  "$place/found" "$place/seeds" 2>&1 | tee "$log" | grep --line-buffered -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE)|NEW_FUNC|^###|^INFO: (Using built-in|-max_len)|^\"'; then
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
  echo "fuzz: ${input:-the program itself, see $log} breaks what must hold; the words are above" >&2
  [[ -z $input ]] || echo "fuzz: again, request by request:  make fuzz INPUT=$input" >&2
  echo "0 passed, 1 failed"
  exit 1
fi

# A search that does not see where it is would pass for ever.
counters=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | head -1)
coverage() { sed -n "s/^#[0-9]*[[:space:]]*$1.* cov: \([0-9]*\) .*/\1/p" "$log" | tail -1; }
first=$(coverage INITED) last=$(coverage DONE)
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
if ((${counters:-0} < 1000 || ${last:-0} < 1000)); then
  echo "fuzz: the program has ${counters:-no} counters and reached ${last:-none}: it was not instrumented" >&2
  exit 1
fi
echo "fuzz: $runs inputs in $seconds s, $rate a second; $first branches reached by what was known, $last of $counters in the end"
echo "$(cat "$place/properties") passed, 0 failed"

#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of the fuzz target: compiles the workspace's own crates with counters at every branch and a word
# to libFuzzer about every comparison. These are options of LLVM, which stable rustc passes on. What is not ours stays as
# it is, so that its compiled form is shared with every other build; cargo keeps what a wrapper made apart by itself.
exec "$@" -C passes=sancov-module \
  -C llvm-args=-sanitizer-coverage-level=3 \
  -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
  -C llvm-args=-sanitizer-coverage-pc-table \
  -C llvm-args=-sanitizer-coverage-trace-compares

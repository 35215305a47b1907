# Commands for people. README says what each needs and how long its first run takes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/acs-operator
TARGET := $(or $(CARGO_TARGET_DIR),target)
# One release graph for demo, playground and bench.
BIN := $(TARGET)/release

.PHONY: help demo playground test bench simulate generate lint unit purity simulation integration sdk binaries release parts clean-cache

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

demo: release ## From YAML to a ringing phone and back, checked step by step
	@$(BIN)/testbed demo

playground: release ## The same stack, left running until Ctrl-C
	@$(BIN)/testbed playground

bench: release ## Figures as a table and as JSON
	@$(BIN)/testbed bench

simulate: ## 1,000,000 schedules of the shipped engine under faults
	cargo run --release -p simulation -- --schedules 1000000 --bugs

test: ## Everything that CI runs
	@tests/run.sh

generate: ## Rewrite CRDs, chart templates and reference from the Rust types
	UPDATE_GENERATED=1 cargo test -q -p acs-operator --lib generated
	cargo fmt --all

lint: ## Format and clippy; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

unit: ## Tests without a cluster
	cargo test --quiet --workspace --exclude integration --exclude testbed --exclude simulation

purity: ## What decides must not be able to reach a client, a clock or randomness
	@tests/purity.sh

simulation: ## 20,000 schedules and the seeded bugs
	cargo run --release --quiet -p simulation -- --schedules 20000 --bugs

integration: binaries parts ## Stories on a real API server
	cargo test --quiet -p testbed -p integration

sdk: binaries ## The official Python SDKs against the simulator
	AZURE_SIM_BIN=$(abspath $(TARGET))/debug/azure-sim tests/sdk/run.sh

binaries:
	cargo build --quiet -p acs-operator -p azure-sim -p testbed --bins

parts: binaries
	$(TARGET)/debug/testbed build bare

# The builder of the Go parts is written in Rust: first a small build of it, then Go and the rest of Rust side by side.
# `cat` makes it no terminal: two programs cannot draw on one at a time.
release:
	cargo build --release -p testbed --no-default-features --bin parts
	$(BIN)/parts demo > >(cat) 2>&1 & go=$$!; trap "kill $$go 2> /dev/null || true" EXIT; \
	cargo build --release -p acs-operator -p azure-sim -p testbed --bins && wait $$go

clean-cache: ## Remove the compiled Kubernetes
	rm -rf "$(CACHE)/parts"

# Commands for people. README says what each needs and how long its first run takes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/acs-operator
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
# One release graph for demo, playground, bench, e2e and simulation. On Linux its programs are static: the same files are what
# the images of e2e hold. Static is asked for by target, because procedural macros cannot be.
RELEASE := --release
BIN := $(TARGET)/release
# Who drives the simulator, and where what they say to each other is kept until it is checked.
TRUTH := $(abspath $(TARGET))/truth
SIM := mkdir -p $(TRUTH) && AZURE_SIM_BIN=$(abspath $(TARGET))/debug/azure-sim
ifneq (,$(findstring linux-gnu,$(HOST)))
RELEASE := --release --target $(HOST)
BIN := $(TARGET)/$(HOST)/release
STATIC := RUSTFLAGS="$(RUSTFLAGS) -C target-feature=+crt-static"
endif
# What of Kubernetes has to be there.
PARTS = demo
PROGRAMS := -p acs-operator -p acs-relay -p azure-sim -p sample-app -p testbed

.PHONY: help demo playground try-out e2e e2e-refusal cluster images test bench simulate generate lint unit purity simulation fuzz integration sdk az specs truth web picture binaries release parts clean-cache

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

demo: release ## From YAML to a ringing phone and back, checked step by step
	@$(BIN)/testbed demo

playground: release ## The same stack, left running until Ctrl-C
	@$(BIN)/testbed playground

e2e: export CLUSTER ?= node
e2e: PARTS = e2e
e2e: release ## Operator, relay and app as real pods on a node made here (needs root on Linux), or on the cluster of CLUSTER=KUBECONFIG
	@$(BIN)/testbed e2e

try-out: export CLUSTER = node
try-out: PARTS = e2e
try-out: release ## The chart with azureSim.enabled on a real node: one helm install, one kubectl apply, no Azure
	@$(BIN)/testbed try-out

e2e-refusal: export CLUSTER ?= node
e2e-refusal: binaries
	@$(TARGET)/debug/testbed e2e --refusal

cluster: export CLUSTER ?= node
cluster: PARTS = e2e
cluster: release ## A real Kubernetes in the foreground, with a node, until Ctrl-C
	@mkdir -p $(TARGET)/cluster && echo "source $(TARGET)/cluster/env   in another terminal, when it is ready"
	@$(BIN)/testbed up > $(TARGET)/cluster/env

images: release ## What runs in pods, as archives for your own registry
	@mkdir -p $(TARGET)/images
	@for program in acs-operator acs-relay azure-sim sample-app; do \
	  $(BIN)/testbed image $$program:e2e $(BIN)/$$program --output $(TARGET)/images/$$program.tar && echo $(TARGET)/images/$$program.tar; done

bench: release ## Figures as a table and as JSON; BENCH=simulator (relay, operator) for one part of it
	@$(BIN)/testbed bench $(if $(BENCH),--parts $(BENCH))

simulate: ## 1,000,000 schedules of the shipped engine under faults
	$(STATIC) cargo run $(RELEASE) -p simulation -- --schedules 1000000 --bugs

test: ## Everything that CI runs
	@tests/run.sh

generate: ## Rewrite CRDs, chart templates, reference and golden files from the Rust types
	UPDATE_GENERATED=1 cargo test -q -p acs-core --lib generated
	UPDATE_GENERATED=1 cargo test -q -p acs-operator --lib generated
	UPDATE_GENERATED=1 cargo test -q -p acs-relay --lib generated
	cargo fmt --all

lint: ## Format and clippy; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings

unit: ## Tests without a cluster
	cargo test --quiet --workspace --exclude integration --exclude testbed --exclude simulation

purity: ## What decides must not be able to reach a client, a clock or randomness
	@tests/purity.sh

simulation: ## 20,000 schedules and the seeded bugs
	$(STATIC) cargo run $(RELEASE) --quiet -p simulation -- --schedules 20000 --bugs

fuzz: ## Arbitrary requests to the simulator's model for FUZZ_SECONDS (60), led by coverage; INPUT=FILE sends one input again
	@tests/fuzz/run.sh

integration: binaries parts ## Stories on a real API server
	cargo test --quiet -p testbed -p integration

sdk: binaries ## The official Python and JavaScript SDKs against the simulator
	$(SIM) tests/sdk/all.sh $(TRUTH)

az: binaries ## The Azure command line against the simulator
	$(SIM) RECORDING=$(TRUTH)/az.jsonl tests/sdk/az/run.sh
	$(SIM) node tests/sdk/truth/evidence.js az $(TRUTH)/az.jsonl

specs: binaries ## What `make sdk` recorded, and every example, against Azure's API descriptions in AZURE_SPECS
	$(SIM) tests/sdk/specs/run.sh $(TRUTH)/python.jsonl $(TRUTH)/javascript.jsonl

truth: sdk az specs ## All three, and the table of docs/simulator.md; UPDATE_GENERATED=1 rewrites what they leave
	$(SIM) node tests/sdk/truth/page.js

web: binaries ## The simulator's page in a real Chromium
	$(SIM) tests/web/run.sh

picture: binaries ## Rewrite the picture of that page in docs/images
	$(SIM) tests/web/run.sh picture.mjs docs/images/azure-sim.png

binaries:
	cargo build --quiet $(PROGRAMS) --bins

parts: binaries
	$(TARGET)/debug/testbed build bare

# The builder of the Go parts is written in Rust: first a small build of it, then Go and the rest of Rust side by side.
# `cat` makes it no terminal: two programs cannot draw on one at a time.
release:
	$(STATIC) cargo build $(RELEASE) -p testbed --no-default-features --bin parts
	$(BIN)/parts $(PARTS) > >(cat) 2>&1 & go=$$!; trap "kill $$go 2> /dev/null || true" EXIT; \
	$(STATIC) cargo build $(RELEASE) $(PROGRAMS) --bins && wait $$go

clean-cache: ## Remove the compiled Kubernetes
	rm -rf "$(CACHE)/parts"

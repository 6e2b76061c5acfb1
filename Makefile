# Everything is plain cargo; this file only keeps the commands in one place. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
FUZZ_TARGETS ?= $(notdir $(basename $(wildcard tests/fuzz/targets/*.rs)))
FUZZ_SECONDS ?= 60
SEEDS ?= 10000

# cargo-nextest is faster and reports better, but it is not on every machine.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

.PHONY: fetch
fetch: ## Download the dependencies of every target we ship for (the rest works offline)
	$(CARGO) fetch --locked --target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-gnu

.PHONY: build
build: ## Build everything, unoptimised
	$(CARGO) build --locked --workspace

.PHONY: test
test: fmt-check fetch clippy unit doc-test doc ## All checks: format, lints, every test, documents. What CI runs

.PHONY: unit
unit: ## Every test but the ones in documents: unit, tidy, conformance, simulation, flow
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --locked --workspace --no-fail-fast
else
	$(CARGO) test --locked --workspace --no-fail-fast --lib --bins --tests
endif

.PHONY: doc-test
doc-test: ## The examples in documents
	$(CARGO) test --locked --workspace --doc --quiet

.PHONY: tidy
tidy: ## Only the rules of the repository
	$(CARGO) test --locked -p homing-tests --test tidy

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml

.PHONY: fmt-check
fmt-check: ## Check the format
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check

.PHONY: clippy
clippy: ## Lints, as errors
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: doc
doc: ## The documents of the crates, with broken links as errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

.PHONY: run
run: ## A server that stays (ARGS="--http-listen 127.0.0.1:9080" hands arguments on)
	$(CARGO) run --locked --release -p homing --bin homing -- serve $(ARGS)

.PHONY: demo
demo: ## The main job against a server that is killed on the way, with an independent checker
	$(CARGO) build --locked -p homing -p homing-tests --bins
	$(CARGO) run --locked -p homing-tests --bin homing-demo -- $(ARGS)

.PHONY: sim
sim: ## The simulation: SEEDS=10000 worlds, or SEED=7 to replay one
	$(if $(SEED),SEED=$(SEED),SEEDS=$(SEEDS)) $(CARGO) test --locked -p homing-tests --test sim -- --nocapture

.PHONY: sim-mutants
sim-mutants: ## The simulation against faults built in on purpose: it must catch each
	MUTANTS=1 $(CARGO) test --locked -p homing-tests --test sim -- --nocapture

.PHONY: bench
bench: ## Figures of a release build (ARGS="--links 1000")
	$(CARGO) build --locked --release -p homing --bin homing
	$(CARGO) run --locked --release -p homing --bin homing -- bench $(ARGS)

.PHONY: bench-micro
bench-micro: ## Criterion benches of the codec, the machines and the store
	$(CARGO) bench --locked --workspace --benches

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZ_SECONDS=60; FUZZ_TARGETS="wire_frames" chooses
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --debug --locked cargo-fuzz
	@for target in $(FUZZ_TARGETS); do tests/fuzz/run "$$target" $(FUZZ_SECONDS) || exit 1; done

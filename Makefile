# Everything is plain cargo; this file only keeps the commands in one place. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo
FUZZ_TARGETS ?= $(notdir $(basename $(wildcard tests/fuzz/targets/*.rs)))
FUZZ_SECONDS ?= 60
SEEDS ?= 10000
ENV ?= dev
# Where the emulator of deploy-local listens.
EMULATOR ?= http://127.0.0.1:4566

# Packages with the main of a Lambda function, and what builds these mains.
LAMBDA_PACKAGES := intake binding schedule fanout dispatch receipts query console
LAMBDA_FEATURES := $(foreach package,$(LAMBDA_PACKAGES),homing-$(package)/lambda)
LAMBDA_PROFILE ?= function
LAMBDA_BUILT := target/$(if $(filter dev,$(LAMBDA_PROFILE)),debug,$(LAMBDA_PROFILE))
# Programs that only the AWS deployment has.
AWS_FEATURES := $(LAMBDA_FEATURES) homing-edge-gateway/aws
# Everything there is, always with the same features: another set would compile most of the tree again.
ALL := --locked --workspace --features "$(AWS_FEATURES)"

# cargo-nextest is faster and reports better, but it is not on every machine.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-16s %s\n", $$1, $$2 }'

.PHONY: fetch
fetch: ## Download the dependencies of every target we ship for (the rest works offline)
	$(CARGO) fetch --locked --target x86_64-unknown-linux-gnu --target aarch64-unknown-linux-gnu

.PHONY: build
build: ## Build everything, unoptimised
	$(CARGO) build $(ALL)

.PHONY: lambda
lambda: ## The Lambda functions as target/lambda/<package>/bootstrap (LAMBDA_PROFILE=dev: quick, unoptimised)
	$(CARGO) build --locked --profile $(LAMBDA_PROFILE) $(foreach package,$(LAMBDA_PACKAGES),-p homing-$(package)) \
		$(foreach package,$(LAMBDA_PACKAGES),--bin $(package)) --features "$(LAMBDA_FEATURES)"
	$(call lambda_programs,$(LAMBDA_BUILT))

# Puts the mains of the functions where the template looks for them. $(1): where they were built.
define lambda_programs
	@for package in $(LAMBDA_PACKAGES); do \
		mkdir -p target/lambda/$$package && strip -o target/lambda/$$package/bootstrap $(1)/$$package || exit 1; \
	done
endef

.PHONY: test
test: fmt-check fetch clippy unit doc-test doc lint-infra test-aws ## All checks: format, lints, every test, documents, the AWS deployment. What CI runs

.PHONY: emulator
emulator: ## Install the AWS emulator into target/emulator, for tests (needs Python 3 with venv)
	tests/emulator/install

.PHONY: unit
unit: emulator ## Every test but the ones in documents: unit, tidy, conformance, simulation, flow
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run $(ALL) --no-fail-fast
else
	$(CARGO) test $(ALL) --no-fail-fast --lib --bins --tests
endif

.PHONY: doc-test
doc-test: ## The examples in documents
	$(CARGO) test $(ALL) --doc --quiet

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
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings

.PHONY: doc
doc: ## The documents of the crates, with broken links as errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(ALL) --no-deps --quiet

.PHONY: run
run: ## A server that stays (ARGS="--http-listen 127.0.0.1:9080" hands arguments on)
	$(CARGO) run --locked --release -p homing --bin homing -- serve $(ARGS)

.PHONY: demo
demo: ## The main job against a server that is killed on the way, with an independent checker
	$(CARGO) build --locked -p homing -p homing-tests --bins
	$(CARGO) run --locked -p homing-tests --bin homing-demo -- $(ARGS)

# How large demo-audience is. A process may have 20,000 descriptors, and a TCP link is one.
DEVICES ?= 100000
LINKS ?= 19000
UPLOADED_USERS ?= 50000

.PHONY: demo-audience
demo-audience: ## Expressions, uploads, cron and broadcasts to 100,000 devices (DEVICES, LINKS, UPLOADED_USERS), with kills
	$(CARGO) build --locked --release -p homing --bin homing
	$(CARGO) build --locked -p homing-tests --bins
	target/debug/homing-demo audience target/release/homing $(DEVICES) $(LINKS) $(UPLOADED_USERS)

# Devices of each vendor in demo-vendors.
VENDOR_DEVICES ?= 1000

.PHONY: demo-vendors
demo-vendors: ## All nine vendors, played: throttled, down, receipts twice and late, a killed server (VENDOR_DEVICES each)
	tests/demo/vendors/install
	$(CARGO) build --locked -p homing -p homing-tests --bins
	target/debug/homing-demo vendors target/debug/homing $(VENDOR_DEVICES)

# Vendors' test vectors: one JSON file for each vendor.
DIR ?= tests/vectors

.PHONY: vectors
vectors: ## The vendors' test vectors over real HTTP: DIR=tests/vectors, or any folder of files of that form
	$(CARGO) run --locked -p homing-tests --bin homing-vectors -- "$(DIR)"

.PHONY: web-push
web-push: ## npm's web-push and PyPI's pywebpush push to a device (needs Node.js with npm)
	$(CARGO) build --locked -p homing --bin homing
	tests/web_push/run

.PHONY: test-aws
test-aws: emulator aws-programs ## The main job through the deployed templates in the emulator: functions, two gateways, the checker
	tests/demo/vendors/install
	target/debug/homing-demo aws $(ARGS)

.PHONY: aws-drain
aws-drain: emulator aws-programs ## 2,000 links from gateway to gateway: a drain and a crash, with reconnects per second
	target/debug/homing-demo aws-drain $(ARGS)

.PHONY: aws-programs
aws-programs: ## What test-aws and aws-drain run, unoptimised
	$(CARGO) build $(ALL) --bins
	$(call lambda_programs,target/debug)

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

.PHONY: lint-infra
lint-infra: ## The AWS templates: cfn-lint and sam validate
	infra/lint

.PHONY: deploy
deploy: lambda ## Deploy all but the gateways to AWS: ENV=dev, with infra/environments/dev.toml
	infra/deploy $(ENV)

.PHONY: deploy-gateways
deploy-gateways: ## Build the gateway and deploy the fleet: ENV=dev
	$(CARGO) build --locked --release -p homing-edge-gateway --features aws --bin homing-gateway
	infra/deploy $(ENV) --gateways

.PHONY: deploy-local
deploy-local: ## The same as deploy, unoptimised, to a running emulator (EMULATOR=http://127.0.0.1:4566)
	$(MAKE) lambda LAMBDA_PROFILE=dev
	AWS_ENDPOINT_URL=$(EMULATOR) infra/deploy local

.PHONY: destroy
destroy: ## Remove an installation: ENV=dev CONFIRM=dev (ENV=local: of the emulator)
	$(if $(filter local,$(ENV)),AWS_ENDPOINT_URL=$(EMULATOR)) infra/deploy $(ENV) --destroy --confirm "$(CONFIRM)"

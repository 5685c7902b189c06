# Everything that a target needs is installed by it, into one cache folder or, as root, by apt.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/transect
export CARGO_TARGET_DIR ?= $(CACHE)/target
export TRANSECT ?= $(CARGO_TARGET_DIR)/release/transect
export PATH := $(PATH):$(HOME)/.cargo/bin

DENY := $(CACHE)/cargo-deny-0.20.2/bin/cargo-deny
VENV := $(CACHE)/venv-$(shell sha256sum tools/requirements.txt | cut -c1-12)
PYTHON := $(VENV)/bin/python
PACKAGES := $(VENV)/.installed
SUITE := $(CACHE)/json-schema-suite-$(shell sed -n 's/^jsonschema\[.*==//p' tools/requirements.txt)
KAFKA := $(CACHE)/kafka-$(shell sha256sum tools/kafka/pom.xml | cut -c1-12)
SYSTEM := $(CACHE)/system-$(shell sha256sum tools/install-system.sh | cut -c1-12)
BROWSER := $(CACHE)/browser-$(shell sha256sum tools/install-browser.sh | cut -c1-12)

.PHONY: help demo test check bench soak sim chaos fuzz audit build tools
.DEFAULT_GOAL := help

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

demo: build $(PACKAGES) ## Run the earthquakes from file to tables, and show what came out
	rm -rf out/01-earthquakes out/state
	$(TRANSECT) up -f examples/01-earthquakes --drain --epoch-bytes 65536 --out out/01-earthquakes --state out/state
	$(PYTHON) examples/show.py examples/01-earthquakes out/01-earthquakes

test: build $(PACKAGES) $(SUITE)/.installed $(KAFKA)/.installed $(BROWSER) ## Run every test: units, the examples against DuckDB, a short soak
	TRANSECT_JSON_SCHEMA_SUITE=$(SUITE) TRANSECT_KAFKA=$(KAFKA) cargo test --locked --workspace
	$(PYTHON) -m unittest discover -s tests/reference
	PYTHON=$(PYTHON) tools/test-examples.sh
	@echo 'make test: all passed'

check: tools $(PACKAGES) $(DENY) ## Check format, lints, licences, docs and generated files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(DENY) --locked check bans licenses sources
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
	cargo test --locked -p transect-crds
	$(VENV)/bin/ruff check
	@echo 'make check: all passed'

bench: tools $(PACKAGES) $(KAFKA)/.installed ## Compare speed and memory with DuckDB, Polars and Kafka's producer, say what each feature costs; writes docs/benchmarks
	cargo build --locked --profile dist -p transect -p transect-worker
	# First: whatever runs after much was written and removed pays for that.
	TRANSECT=$(CARGO_TARGET_DIR)/dist/transect $(PYTHON) bench/run.py
	TRANSECT=$(CARGO_TARGET_DIR)/dist/transect $(PYTHON) bench/features.py
	TRANSECT=$(CARGO_TARGET_DIR)/dist/transect TRANSECT_KAFKA=$(KAFKA) cargo test --locked --workspace --test kafka_speed -- --ignored --nocapture

soak: build ## Kill the process 200 times at random moments, and compare what comes out
	TRANSECT_SOAK_RUNS=200 TRANSECT_SOAK_EVENTS=1000000 cargo test --locked --workspace --test soak -- --nocapture

chaos: build $(KAFKA)/.installed ## Kill workers and brokers for SECONDS (1800) while events come in, and compare what comes out
	TRANSECT_CHAOS_SECONDS=$(or $(SECONDS),1800) TRANSECT_KAFKA=$(KAFKA) cargo test --locked --workspace --test chaos -- --nocapture

sim: tools ## Run the roles over simulated brokers by SEEDS (100000), until one fails; it says how to see that one again
	TRANSECT_SIM_SEEDS=$(or $(SEEDS),100000) cargo test --locked --workspace --test sim -- --nocapture

fuzz: tools ## Run each fuzz target for SECONDS (600), two at a time; the first time builds all with coverage
	FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_TARGET_DIR=$(CACHE)/fuzz-target tools/fuzz.sh

audit: tools $(DENY) ## Look for known weaknesses of dependencies; fetches their database from GitHub
	$(DENY) --locked check advisories

build: tools ## Build the release binaries
	cargo build --locked --release -p transect -p transect-worker
	@echo "built $(TRANSECT)"

tools: $(SYSTEM) ## Install compiler and linker

$(SYSTEM): tools/install-system.sh
	tools/install-system.sh
	@mkdir -p $(CACHE) && touch $@

$(BROWSER): tools/install-browser.sh | $(SYSTEM)
	tools/install-browser.sh
	@touch $@

$(PACKAGES): tools/requirements.txt | $(SYSTEM)
	@echo 'installing Python packages into $(VENV)'
	python3 -m venv --clear $(VENV)
	$(PYTHON) -m pip install --quiet --requirement tools/requirements.txt
	@touch $@

$(SUITE)/.installed: tools/install-json-schema-suite.sh | $(PACKAGES)
	PYTHON=$(PYTHON) tools/install-json-schema-suite.sh $(SUITE)
	@touch $@

$(KAFKA)/.installed: tools/install-kafka.sh tools/kafka/pom.xml
	tools/install-kafka.sh $(KAFKA)
	@touch $@

$(DENY): | $(SYSTEM)
	@echo 'installing cargo-deny; this takes some minutes'
	cargo install --quiet --locked --root $(DENY:/bin/cargo-deny=) cargo-deny@0.20.2

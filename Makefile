# One entry point for people and CI. Every target sets up what it needs in a clean checkout.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast e2e check verify generate docs mutate audit release bench soak chaos gauntlet record lock clean
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
BIN := .venv/bin
# Processes that take file after file: what a file's tests share is started once. The order is that of tests/conftest.py.
FILE_BY_FILE := --dist loadfile --no-loadscope-reorder
# Nothing may lean on what happens to be installed globally.
export PYTHONNOUSERSITE := 1
export PYTHONPATH :=
# Bytecode is kept, whatever the environment says: tests and benches start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/.installed: requirements.lock pyproject.toml devcluster/pyproject.toml planner/pyproject.toml worker/pyproject.toml
	@echo "==> Python environment in .venv (a minute when nothing is cached)"
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed: set PYTHON=..."'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e ./devcluster -e ./planner -e ./worker
	@touch $@

setup: $(BIN)/.installed ## Install the locked dependencies and build the control plane (cold: about 7 minutes)
	$(BIN)/devcluster build

demo: setup ## Run a real cluster, queue, operator and workers on this machine, and watch a pool follow its backlog
	$(BIN)/python -m examples.demo

test: setup ## Run every test against a real API server, SQS servers and Prometheus
	$(BIN)/pytest --numprocesses 2 $(FILE_BY_FILE)

test-fast: $(BIN)/.installed ## Run the unit and adapter tests that need neither a control plane nor endurance (two minutes)
	$(BIN)/pytest --numprocesses 4 $(FILE_BY_FILE) -m "not control_plane and not endurance" tests/unit tests/adapters

# The time-out is for tests alone: what the first one needs, images and programs, takes minutes where nothing is cached.
e2e: setup ## Build the images, install them into a real cluster (kind, or as root its own kubelet), and try what users do
	$(BIN)/pytest -p no:randomly --override-ini timeout=900 --override-ini timeout_func_only=true --capture=no e2e

check: $(BIN)/.installed ## Check style, types, import rules and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=operator:worker:common:planner $(BIN)/lint-imports --no-logo
	PYTHONPATH=operator:worker:common:planner:. $(BIN)/lint-imports --no-logo --config tests/importlinter.toml
	$(BIN)/bandit --quiet --recursive --severity-level medium operator worker common planner devcluster
	$(MAKE) --no-print-directory verify docs

generate: $(BIN)/.installed ## Write the generated files anew
	$(BIN)/python -m docs.generate

verify: $(BIN)/.installed ## Fail when a generated file is stale
	$(BIN)/python -m docs.generate --check

docs: $(BIN)/.installed ## Build the docs as a site, into .site/html; needs no network
	$(BIN)/python -m docs.site

mutate: $(BIN)/.installed ## Change decide and status in every small way, and see the unit tests fail (about 12 minutes)
	$(BIN)/python -m tests.mutation

audit: $(BIN)/.installed ## Check what the images contain for known vulnerabilities, and for ARM (needs the network)
	$(BIN)/python -m tests.supplychain

release: $(BIN)/.installed ## Write a release into dist/ (VERSION=1.2.3; RELEASE_OPTIONS="--registry HOST/NAME --base IMAGE")
	$(BIN)/python -m release $(VERSION) $(RELEASE_OPTIONS)

bench: setup ## Measure operator and worker against their limits; JSON in benchmarks/results
	$(BIN)/python -m benchmarks

soak: setup ## Create, change, break and delete pools for 20 minutes (SOAK_SECONDS=…), and check that nothing grows
	$(BIN)/python -m benchmarks soak --pools 60 --seconds $${SOAK_SECONDS:-1200}

chaos: setup ## Let every kind of trouble happen at random for 20 minutes (CHAOS_SECONDS=…, CHAOS_SEED=…) beside pools of known sizes
	$(BIN)/python -m benchmarks chaos --seconds $${CHAOS_SECONDS:-1200} --seed $${CHAOS_SEED:-15}

gauntlet: $(BIN)/.installed ## Kill, terminate and starve ten workers among faults of SQS for 30 minutes (GAUNTLET_SECONDS=…, GAUNTLET_SEED=…); as root
	$(BIN)/python -m benchmarks gauntlet --seconds $${GAUNTLET_SECONDS:-1800} --seed $${GAUNTLET_SEED:-15}

record: setup ## Record anew what the planner is judged by: runs of the real operator (12 minutes, twice), and of the real HPA controller
	$(BIN)/python -m testbed.recordings
	$(BIN)/python -m testbed.recordings --to planner/recordings/again
	$(BIN)/python -m testbed.hpa

lock: $(BIN)/.installed ## Lock the dependencies anew, with hashes and without index addresses
	for name in ": pyproject.toml --extra cli --group dev" "-operator: pyproject.toml -c requirements.lock" \
	  "-worker: worker/pyproject.toml --group worker/pyproject.toml:image -c requirements.lock"; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    $${name#*:} -o requirements$${name%%:*}.lock; \
	done
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  -c requirements.lock - -o requirements-build.lock

clean: ## Remove the environment and what the tools left behind (never the cache of built binaries)
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutation .site dist

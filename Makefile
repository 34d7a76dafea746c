.DEFAULT_GOAL := help
SHELL := /bin/sh

# The Python that makes .venv; 3.11 or newer. Everything else runs on .venv/bin/python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
# Options for the program behind a target: make demo ARGS="--count 100", make test ARGS="-k cancel"
ARGS ?=

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "SERVICE", $$1); printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- running

.PHONY: run
run: $(READY) ## everything: Kafka, PostgreSQL, all services and the dashboard; Ctrl-C stops them
	@exec $(BIN)/python -m local.run

run-%: $(READY) ## one of gateway, payment, inventory, shipping, analytics, replay, auditor by itself
	@exec $(BIN)/python -m local.run --only $*

.PHONY: run-frontend
run-frontend: $(READY) ## the dashboard with hot reload, beside a run with DASHBOARD=off
	@exec $(BIN)/python -m local.dashboard dev

.PHONY: backends
backends: $(READY) ## only Kafka and PostgreSQL, with their topics and tables
	@exec $(BIN)/python -m local.run --backends

.PHONY: reset
reset: $(READY) ## delete the local data (not while it runs)
	@exec $(BIN)/python -m local.run --reset

.PHONY: demo
demo: $(READY) ## post a lifelike stream of orders; ARGS="--help" tells its options
	@exec $(BIN)/orderflow demo $(ARGS)

.PHONY: replay
replay: $(READY) ## replay the orders of 7 days to a topic; ARGS="30 fraud-test --dry-run" for others
	@exec $(BIN)/orderflow replay $(ARGS)

.PHONY: verify
verify: $(READY) ## check every invariant on the data of the run
	@exec $(BIN)/orderflow verify $(ARGS)

# --- on Kubernetes

.PHONY: up
up: ## all of it on a kind cluster: builds, installs, waits, prints the URLs
	@exec $(PYTHON) -m local.cluster up

.PHONY: down
down: ## delete the kind cluster, with everything in it
	@exec $(PYTHON) -m local.cluster down

.PHONY: logs
logs: ## follow the logs of all pods
	@exec $(PYTHON) -m local.cluster logs

.PHONY: load
load: $(READY) ## a lifelike stream of orders to the cluster; ARGS="--rate 20 --count 1000"
	@exec $(BIN)/orderflow demo --url http://localhost:8080 $(ARGS)

# --- developing

.PHONY: test
test: $(READY) ## all tests, with a Kafka and a PostgreSQL of their own
	@exec $(BIN)/python -m pytest tests -n 3 --dist loadfile --ignore=tests/bench \
	  --ignore=tests/kube --ignore=tests/operator --ignore=tests/browser --ignore=tests/e2e $(ARGS)

.PHONY: test-fast
test-fast: $(READY) ## the tests that need no server
	@exec $(BIN)/python -m pytest tests/unit tests/contract tests/architecture $(ARGS)

.PHONY: test-operator
test-operator: $(READY) ## the operator on a real Kubernetes API server, which is built once
	@$(BIN)/python -m tests.kube.binaries && exec $(BIN)/python -m pytest tests/kube tests/operator \
	  -n 4 --dist worksteal $(ARGS)

.PHONY: test-frontend
test-frontend: $(READY) ## the dashboard's own: types, style, unit tests, and whether its API types are of now
	@set -e; for check in generated typecheck lint test; do \
	  $(BIN)/python -m local.dashboard npm run --silent $$check; done

.PHONY: test-browser
test-browser: $(READY) ## the dashboard in a real Chromium, on a running system of its own
	@command -v "$${CHROMIUM:-chromium}" google-chrome >/dev/null || $(BIN)/playwright install chromium
	@exec $(BIN)/python -m pytest tests/browser -n 2 --dist loadfile $(ARGS)

.PHONY: e2e
e2e: $(READY) ## the whole of it on a real cluster of its own, by kind, docker, kubectl and helm
	@exec $(BIN)/python -m pytest tests/e2e -x --timeout 900 $(ARGS)

.PHONY: npm
npm: $(READY) ## npm for the dashboard: make npm ARGS="run generate"
	@exec $(BIN)/python -m local.dashboard npm $(ARGS)

.PHONY: lint
lint: $(READY) ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: $(READY) ## rewrite the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(READY) ## measure accepted and settled orders a second
	@exec $(BIN)/python -m tests.bench $(ARGS)

.PHONY: bench-dashboard
bench-dashboard: $(READY) ## measure the dashboard's frames under many events and with many orders
	@exec $(BIN)/python -m tests.bench.dashboard $(ARGS)

.PHONY: screenshots
screenshots: $(READY) ## docs/images/ anew, from a running system
	@mkdir -p docs/images && exec $(BIN)/python -m pytest tests/browser/screenshots.py $(ARGS)

.PHONY: lock
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: $(READY) ## pin the dependencies of pyproject.toml anew; ARGS="--upgrade" for newer ones
	$(LOCK) $(ARGS) pyproject.toml -o requirements/runtime.lock
	$(LOCK) $(ARGS) --group build -o requirements/build.lock
	$(LOCK) $(ARGS) pyproject.toml --extra local --group dev -o requirements/dev.lock

.PHONY: clean
clean: ## remove .venv and caches; the data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- the environment, made again when what it is made of changed

PIP := $(BIN)/python -m pip --disable-pip-version-check -q

$(READY): requirements/dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON): install Python 3.11 or newer, or name it with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V): name a newer one, as in \`make run PYTHON=python3.12\`." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing the Python packages into $(VENV); this takes about a minute, once."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

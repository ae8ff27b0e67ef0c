# Everything anyone runs, CI included. `make help` lists it.
#
# One environment, .venv, with two stamps: `run` needs what requirements.lock pins, `test` and
# `check` what requirements-dev.lock adds. Tools are started as `python -m tool`, never by their
# scripts, so that a checkout whose path has a space in it works like any other.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
SECONDS ?= 90
SEED ?=
ONLY ?=
EXAMPLES ?= 10000

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
UNFINISHED := $(VENV)/.unfinished
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

SOURCES := caselog services shared tests bench

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the environment --------------------------------------------------------------------------

# pip interrupted half way can leave a package that it later takes for complete. The marker stays
# behind in that case, and the next run starts from an empty environment.
define begin_install
	@if [ -e $(UNFINISHED) ] || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "caselog needs Python 3.11 or newer: make PYTHON=python3.11")' && \
		echo "creating $(VENV)" && $(PYTHON) -m venv --clear $(VENV); \
	fi
	@touch $(UNFINISHED)
endef

define end_install
	@rm -f $(UNFINISHED)
	@touch $@
endef

$(RUNTIME): requirements.lock
	$(begin_install)
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	$(end_install)

$(DEV): requirements-dev.lock $(RUNTIME)
	$(begin_install)
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(end_install)

.PHONY: env
env: $(DEV) ## Create or refresh .venv for development

# --- running ----------------------------------------------------------------------------------

.PHONY: run
run: $(RUNTIME) ## Start everything on this machine; ARGS="--demo" and the like are passed on
	$(PY) $(VENV)/bin/caselog up $(ARGS)

# --- testing ----------------------------------------------------------------------------------

.PHONY: test
test: $(DEV) ## Run every test but chaos; WORKERS=2, ARGS="-k name"
	$(PY) -m pytest -n $(WORKERS) -m "not chaos" $(ARGS)

.PHONY: model
model: $(DEV) ## Look at every state of the exchange within bounds; ARGS="--help"
	$(PY) -m tests.model $(ARGS)

.PHONY: fuzz
fuzz: $(DEV) ## Give every decoder EXAMPLES=10000 new odd inputs; ARGS="-k token"
	EXAMPLES=$(EXAMPLES) $(PY) -m pytest -n $(WORKERS) --hypothesis-profile=fuzz -o timeout=0 \
		tests/fuzz $(ARGS)

SEEDS ?= 1000
.PHONY: sim
sim: $(DEV) ## Live through SEEDS=1000 worlds of both services, or one: SEED=n; ARGS=--teeth
	$(PY) -m tests.simulation --seeds $(SEEDS) --workers $(WORKERS) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: mutate
mutate: $(DEV) ## Change the code by one token, and see that a test fails; ARGS="shared.bus.relay*"
	$(PY) -m mutmut run --max-children 1 $(ARGS)
	$(PY) -m tests.mutants

.PHONY: chaos
chaos: $(DEV) ## Kill, freeze, cut and wipe real processes; SECONDS=90 of faults, SEED=n, ARGS="-k disk"
	CASELOG_TEST_CHAOS_SECONDS=$(SECONDS) CASELOG_TEST_CHAOS_SEED=$(SEED) CASELOG_TEST_CHAOS_ONLY="$(ONLY)" \
		$(PY) -m pytest -n0 -m chaos $(ARGS) tests/chaos

.PHONY: bench
bench: $(DEV) ## Measure append, propagation, rebuild and history against their floors
	$(PY) -m bench $(ARGS)

# --- checking ---------------------------------------------------------------------------------

.PHONY: check
check: lint types contracts tidy schemas ## Everything short of running the tests

.PHONY: lint
lint: $(DEV) ## Ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

.PHONY: types
types: $(DEV) ## mypy --strict
	$(PY) -m mypy $(wildcard $(SOURCES))

.PHONY: contracts
contracts: $(DEV) ## Who may import whom (.importlinter)
	$(PY) $(VENV)/bin/lint-imports --no-cache

.PHONY: tidy
tidy: $(DEV) ## Lengths, names, leftovers, and services that look like renamed copies
	$(PY) -m pytest -q tests/architecture

.PHONY: schemas
schemas: $(DEV) ## Checked-in schemas and the event catalogue are what the code says
	$(PY) -m shared.events.generate --check

# --- changing ---------------------------------------------------------------------------------

.PHONY: fix
fix: $(DEV) ## Apply ruff's fixes and format, write schemas and the event catalogue anew
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m shared.events.generate

# The lock is for every platform and names no index, so that any mirror serves it.
COMPILE = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS)

.PHONY: lock
lock: | $(DEV) ## Compile both lock files anew; ARGS="--upgrade" takes newer versions
	$(COMPILE) --group build -o requirements.lock pyproject.toml
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock pyproject.toml

.PHONY: clean
clean: ## Remove the environment, builds and caches (never anyone's data)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

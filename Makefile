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

# Commands for users and contributors. Everything is installed in $(VENV), nowhere else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
OUT ?= out/demo
# A process for each core; what a file of tests prepares is prepared once. Files keep their order,
# in which those that take longest come first.
PYTEST ?= -n auto --dist loadfile --no-loadscope-reorder

BIN := $(VENV)/bin
# An environment that is active outside must not change this one.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
PIP := $(BIN)/python -m pip install --disable-pip-version-check -qq --constraint constraints.txt
CODE := src tests docs $(wildcard benchmarks examples integrations release)

.PHONY: help demo test test-long lint types format docs site bench dist release-check clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## install, cut out the demo photo, say where the pictures are
	@$(BIN)/depthmatte demo -o $(OUT)

test: $(VENV)/.dev ## install everything and run the tests, except those of minutes each
	@$(BIN)/python -m pytest $(PYTEST) -m "not long"

test-long: $(VENV)/.dev ## run the tests that take minutes each
	@$(BIN)/python -m pytest $(PYTEST) -m long

lint: $(VENV)/.dev ## ruff: rules and formatting
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

format: $(VENV)/.dev ## format the code with ruff
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

docs: $(VENV)/.dev ## write the tables of options into the docs
	@$(BIN)/python docs/tables.py

site: $(VENV)/.dev ## build the docs site into site/, warnings are errors
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.dev ## time every stage on this machine
	@$(BIN)/python -m benchmarks.speed

dist: $(VENV)/.dev release-check ## build wheels and sdist into dist/ and check them
	rm -rf dist
	@$(BIN)/python release/build_wheels.py dist
	@$(BIN)/python -m twine check --strict dist/*

release-check: $(VENV)/.dev ## compare version, changelog, citation and tag
	@$(BIN)/python release/check_version.py

clean: ## remove the environment, caches and outputs
	rm -rf $(VENV) build dist out site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made again only when it is missing, and filled again only when what
# the project asks for has changed. Installs are editable: the code in src is what runs.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is too old: depthmatte needs Python 3.11 or newer; try make PYTHON=python3.12" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments; install its venv package" >&2; exit 1; }

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing depthmatte into $(VENV)"
	@$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing depthmatte with everything its tests use into $(VENV) (a few minutes)"
	@$(PIP) --editable '.[cloud,demo,dev,docs,exr,plot,ray,refine,server,train,video]'
	@touch $@ $(VENV)/.demo

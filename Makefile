# Bare `make` prints this help; a target without a ## comment stays out of it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

HOUSEHOLDS ?= 400
SCENARIO ?= retailer
PEOPLE ?=
PORT ?= 8080
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& { echo $$p; break; }; done)
UV := $(or $(shell command -v uv),.tools/bin/uv)
BIN := .venv/bin
INSTALLED := .venv/.installed
JARS := .clew/jars/.fetched

# uv does not read pip's settings; a machine that has some means them for it too.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
export UV_HTTP_TIMEOUT ?= 180
# Where bytecode is not kept, each process compiles its modules anew: half of the time in which `clew --help` answers.
export PYTHONDONTWRITEBYTECODE :=
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test test-quick test-e2e lint format check chaos bench report-check up down docs clean lock

help: ## this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo
	@echo "  make demo HOUSEHOLDS=all   all 2,469 households; make demo SCENARIO=bank   another business; make up PORT=8081   another port; make bench ONLY=demo   a part"

setup: $(INSTALLED) $(JARS) ## install everything into this folder (done by the others when needed)

demo: setup ## make the sandbox's files, run the daily DAG on them twice, show what came of it
	@$(BIN)/clew demo $(if $(filter retailer,$(SCENARIO)),--households $(HOUSEHOLDS),--scenario $(SCENARIO) $(if $(PEOPLE),--people $(PEOPLE)))

# Two workers, each file of tests on one of them; in the order of collection, so that the long e2e files come early.
test: setup ## all tests
	@$(BIN)/python -m pytest tests --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 25 --durations-min 20

test-quick: $(INSTALLED) ## the tests that need no JVM
	@$(BIN)/python -m pytest tests/unit

test-e2e: setup ## the whole line on tiny data, and the real scheduler
	@$(BIN)/python -m pytest tests/e2e

lint: $(INSTALLED) ## ruff, formatting, types, imports, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models

format: $(INSTALLED) ## put code into the house format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint ## lint, and the contracts
	@$(BIN)/clew check

chaos: setup ## kill daily runs at every step and at random moments, and compare what is left (long)
	@$(BIN)/python -m tests.chaos

bench: setup ## the numbers of docs/benchmarks.md, measured here and now
	@$(BIN)/python -m tests.bench $(ONLY)

report-check: $(INSTALLED) .tools/browser/node_modules/.installed ## the report's pages in a real browser: axe, keyboard, width, time (SITE=folder: of a site that is there)
	@$(BIN)/python -m tests.browser $(SITE)

up: setup ## start Airflow on this machine only, with Clew's DAGs
	@$(BIN)/python -m clew.server up --port $(PORT)

down: ## stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m clew.server down; else echo "Nothing is installed, so nothing runs."; fi

docs: setup ## the models' documentation and the gates' Data Docs, into build/docs
	@$(BIN)/python -m clew.docs

lock: ## resolve requirements.lock anew from pyproject.toml
	@$(MAKE) $(UV)
	@$(UV) pip compile --quiet pyproject.toml --extra dev --python-version 3.11 --universal --no-annotate --no-header --no-emit-index-url \
		--no-emit-find-links --output-file requirements.lock

clean: down ## remove a demo's lake, exports, certificates, models, landing files and state (FORCE=1: any lake's)
	@if [ ! -e lake/.demo ] && [ -z "$(FORCE)" ] && [ -n "$$(find lake landing exports certificates models .clew/identity.key -type f 2>/dev/null | head -1)" ]; then \
	  echo "error: the data here were not made by a demo" >&2; \
	  echo "  where: $(CURDIR)" >&2; \
	  echo "  do:    make clean FORCE=1 removes them all the same, and with .clew/identity.key every id" >&2; exit 2; fi
	@if [ -e .clew/locks/run.lock ] && ! flock --nonblock .clew/locks/run.lock true; then \
	  echo "error: a run is under way here" >&2; \
	  echo "  where: $(CURDIR)" >&2; \
	  echo "  do:    wait for its end, or stop it (ctrl-c), then make clean" >&2; exit 3; fi
	@rm -rf landing truth lake exports certificates models build spark-warehouse metastore_db derby.log
	@rm -rf dbt_project/target dbt_project/logs
	@if [ -d .clew ]; then find .clew -mindepth 1 -maxdepth 1 ! -name jars -exec rm -rf {} +; fi
	@find . -name __pycache__ -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# ---- files that make setup quick the second time ----

# Chromium is Debian's; the driver and axe are npm's, at the versions that tests/browser/package.json names.
.tools/browser/node_modules/.installed: tests/browser/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "error: there is no node or npm" >&2; \
		echo "  do:    install Node.js 18 or newer" >&2; exit 3; }
	@[ -x /usr/bin/chromium ] || [ -n "$$CLEW_CHROMIUM" ] || { echo "error: there is no Chromium" >&2; \
		echo "  do:    apt-get install chromium   (or: CLEW_CHROMIUM=/path/to/it)" >&2; exit 3; }
	@mkdir -p .tools/browser
	@cp tests/browser/package.json .tools/browser/package.json
	@npm install --silent --no-audit --no-fund --no-package-lock --prefix .tools/browser >&2
	@touch $@

.tools/bin/uv:
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install --quiet "uv>=0.9,<1"

$(INSTALLED): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or 3.12 is on the PATH." >&2; \
		echo "  do:    apt-get install python3.11 python3.11-venv   (or: make setup PYTHON=/path/to/python3.11)" >&2; exit 3; }
	@$(PYTHON) -m clew.machine python java memory disk
	@$(MAKE) $(UV)
	@echo "installing the packages of requirements.lock into .venv (1 to 3 minutes on a new machine)" >&2
	@[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python $(BIN)/python requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(JARS): $(INSTALLED)
	@echo "fetching Delta's two jars (once)" >&2
	@env -u CLEW_HOME $(BIN)/python -m lakehouse.jars
	@echo "rehearsing a run, to make the archive that lets Spark start quickly (once, a minute)" >&2
	@env -u CLEW_HOME $(BIN)/python -m spark_jobs.class_archive >&2
	@touch $@

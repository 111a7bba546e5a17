# Everything a fresh machine needs is Python >= 3.11, make and a package index. 'make help' lists the targets.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --constraint constraints.txt
.DEFAULT_GOAL := help
.PHONY: help run test slow examples bench check format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.core ## Set up .venv, run the main job on the embedded default, print the table, write the report
	$(BIN)/assay run --out runs/quick

# One thread for each of two processes: sums are then added in one order, so every machine sees the same numbers.
test: export OMP_NUM_THREADS = 1
test: .venv/.dev ## Set up .venv and run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

slow: export OMP_NUM_THREADS = 1
slow: .venv/.dev ## Run the tests that take longer
	$(BIN)/python -m pytest -m slow

examples: .venv/.dev ## Run the examples one by one
	@for example in examples/*.py; do echo "== $$example"; $(BIN)/python $$example || exit 1; done

NAME ?= engine
bench: .venv/.core ## Time Assay beside its peers, each in an environment of its own: NAME=engine [JSON=FILE]
	$(BIN)/python -m benchmarks $(NAME) $(if $(JSON),--json $(JSON))

check: .venv/.dev ## Lint, types, layers, size budgets
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python tools/budgets.py

format: .venv/.dev ## Put the code into its standard form
	$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet

clean: ## Remove .venv, the peers' environments and caches; runs and built organisms stay
	rm -rf .venv .benchmarks .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Each stamp marks a finished stage of setting up, so that it is done once and again when its inputs change.
.venv/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "assay needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	@# first and alone: what else is installed must not choose another torch
	$(INSTALL) torch==2.13.0
	@touch $@

.venv/.core: .venv/.torch pyproject.toml
	$(INSTALL) --editable '.[report,frame]'
	@touch $@

.venv/.dev: .venv/.core
	$(INSTALL) --editable '.[report,frame,dev]'
	@touch $@

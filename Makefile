# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help env demo test lint docs bench clean

VENV := .venv
BIN := $(VENV)/bin
# Named after what was installed: a new clone of the same files needs no new installation.
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml setup.py constraints.txt | cksum | cut -d' ' -f1)

JOBS ?= 2
BENCHMARKS ?= association cutouts cutout_storage host_catalog scoring subtraction training_speed
# One thread for each test process: the processes already fill the cores.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(STAMP)  ## Build .venv with Python >= 3.12, if it is missing or out of date

# An interpreter that is missing, broken or too old means a new environment.
$(STAMP):
	@if ! PYTHON=$(BIN)/python tools/find-python >/dev/null 2>&1; then \
	    python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; \
	    echo "Building $(VENV) with $$python"; \
	    "$$python" -m venv --clear $(VENV); \
	fi
	@echo "Installing the package and what it needs (PyTorch among it: several minutes, several GB)"
	@# Modules are compiled when they are first imported, which most never are.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile -c constraints.txt -e '.[test,lint,docs,bench,search]'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(STAMP)  ## Run the whole loop on a simulated survey, or on real frames: make demo FRAMES=folder
	$(BIN)/transient-bogus demo $(if $(FRAMES),--frames "$(FRAMES)")

test: $(STAMP)  ## Run the tests (JOBS=2 processes; ARGS='-k name' and the like reach pytest)
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(STAMP)  ## Check style, types, docstrings and YAML
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m numpydoc.hooks.validate_docstrings $$(find python -name '*.py')
	$(BIN)/yamllint --strict .

docs: $(STAMP)  ## Build the documentation in doc/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html doc doc/_build/html
	@echo "doc/_build/html/index.html"

bench: $(STAMP)  ## Run the benchmarks that need no survey (BENCHMARKS='cutouts scoring' for some)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py; done

clean:  ## Remove what builds and tests leave behind; keeps .venv and demo
	rm -rf build dist doc/_build doc/_generated .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -type d -print0 | xargs -0 rm -rf

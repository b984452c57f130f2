# Every target does its own set-up: a virtual environment in .venv with pinned versions (constraints.txt).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help setup demo bench test test-oracle test-soak fuzz lint format clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed  ## create the virtual environment and install everything into it

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Batchyard needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m compileall -q models scheduler workers
	@touch $@

demo: setup  ## train, predict and evaluate on the handwritten digits, over two CPU workers
	$(BIN)/python examples/digits/prepare.py
	$(BIN)/batchyard run examples/digits/job.yaml

test: setup lint  ## ruff, mypy --strict and the tests
	$(BIN)/python -m pytest -q -m 'not oracle and not soak'

bench: setup  ## measure speed beside PyTorch by hand and other Keras's; BENCH='--workloads mlp' for a part
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python benchmarks/exchange.py
	$(BIN)/python benchmarks/jobs.py
	$(BIN)/python benchmarks/speed.py $(BENCH)

test-oracle: setup  ## compare with reference implementations, where these are installed
	$(BIN)/python -m pytest -q -m oracle

test-soak: setup  ## kill workers and scheduler at random for twenty rounds
	$(BIN)/python -m pytest -q -m soak

fuzz: setup  ## give a hundred thousand spoiled files to every reader
	$(BIN)/python -m tests.fuzz --inputs 100000 --seed $${SEED:-0}

lint: setup  ## ruff and mypy --strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy models/batchyard scheduler/batchyard workers/batchyard

format: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

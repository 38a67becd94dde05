# WaQtor: everything goes into .venv; `make up` and `make test` need nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH ?= torch==2.13.0
# PyTorch's CPU builds; on Linux without a GPU nobody should download CUDA by accident. Empty: the default index.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTEST_ARGS ?=
# A file of tests stays within one process; most of what a test waits for is not the processor.
TEST_PROCESSES ?= 2
# The Autobahn fuzzing client runs on Python 2.7 only.
PYTHON2 ?= python2.7
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install up test wheel lint format docs bench autobahn notebooks peers screenshots system clean distclean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit("WaQtor needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV) || { echo "Install the venv module: apt-get install python3-venv python3-dev g++"; exit 1; }
	touch $@

$(VENV)/.torch: $(VENV)/.python
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null && [ -n "$(TORCH_INDEX)" ] \
	  && $(BIN)/python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)' "$(TORCH_INDEX)/torch/" 2>/dev/null; \
	then echo "PyTorch: CPU build from $(TORCH_INDEX)"; $(BIN)/pip install -q --index-url "$(TORCH_INDEX)" $(TORCH); \
	else echo "PyTorch: from the default index"; $(BIN)/pip install -q $(TORCH); fi
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

install: $(VENV)/.installed ## Install WaQtor into .venv

up: $(VENV)/.installed ## Run simulator, sidecar and dashboard; Ctrl-C stops them
	$(BIN)/waqtor up

system: # chromium and node for the browser tests and the JavaScript peers, where we may install them
	@sh docs/system-packages.sh

test: $(VENV)/.dev system lint ## Run every check and test
	rm -f .coverage .coverage.*
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --cov --cov-report= $(PYTEST_ARGS)
	$(BIN)/coverage report

wheel: $(VENV)/.dev ## Build the wheel into dist/ and check that no file of the package is missing in it
	$(BIN)/python .ci/wheel.py dist

lint: $(VENV)/.dev ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/waqtor rules check

format: $(VENV)/.dev ## Format code and rules
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/waqtor rules format

docs: $(VENV)/.dev ## Make the reference pages and .env.example anew
	$(BIN)/python docs/generate.py
	$(BIN)/python sdk/node/generate.py

bench: $(VENV)/.installed ## Run the measurements (about ten minutes)
	$(BIN)/waqtor bench ledger
	$(BIN)/waqtor bench log
	$(BIN)/waqtor bench match
	$(BIN)/waqtor bench fit
	$(BIN)/waqtor bench ws
	$(BIN)/waqtor bench webhooks
	$(BIN)/waqtor bench notifications

autobahn: $(VENV)/.dev .venv-autobahn/.installed ## Attack the WebSocket with the Autobahn fuzzing client (two minutes, needs Python 2.7)
	$(BIN)/python -m tests.realtime.autobahn $(PYTHON2) .venv-autobahn

.venv-autobahn/.installed:
	@$(PYTHON2) -m pip --version >/dev/null 2>&1 || \
	  { echo "The Autobahn test suite needs Python 2.7 with pip and a C compiler: make autobahn PYTHON2=/path/to/python2.7"; exit 1; }
	$(PYTHON2) -m pip install -q --target .venv-autobahn autobahntestsuite==25.10.1
	touch $@

notebooks: $(VENV)/.dev ## Execute the notebooks and keep their pictures
	$(BIN)/python notebooks/run.py

peers: .venv-peers/.peers ## Install what `waqtor bench accuracy` and `bench match` compare with into .venv-peers

.venv-peers/.peers: tests/benchmarks/peers/requirements.txt
	$(MAKE) VENV=.venv-peers .venv-peers/.torch
	.venv-peers/bin/pip install -q -r tests/benchmarks/peers/requirements.txt
	touch $@

screenshots: $(VENV)/.dev system ## Picture every page (build/screenshots), and make those of the README anew
	$(BIN)/python -m dashboard.screenshots --best docs/images

clean: ## Remove caches and runtime data
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov data/run waqtor-bench-* waqtor-chaos-*
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove .venv, .venv-peers and .venv-autobahn too
	rm -rf $(VENV) .venv-peers .venv-autobahn

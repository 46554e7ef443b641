# Two commands do all the set-up: `make demo` and `make test`. Everything is installed into .venv, once.
#
# Needs Python 3.11 or newer, make and a network. Another Python: make demo PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
PROTOS := timeaudio/v1/timeaudio.proto timeaudio/worker/v1/worker.proto

.DEFAULT_GOAL := help
.PHONY: help demo serve test check fix proto parity miniature clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.server  ## hear two bundled recordings: starts a server, asks it, shows the events, stops it
	@$(BIN)/timeaudio demo

serve: $(VENV)/.server  ## serve on http://HOST:PORT (make serve PORT=9000) until Ctrl-C
	@$(BIN)/timeaudio serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev  ## every test that needs no GPU and no patience: unit, contract, end to end
	@echo "Testing (under 5 minutes on two cores) ..."
	@$(BIN)/python -m pytest tests

check: $(VENV)/.dev  ## format, lint, types, import rules
	@echo "Checking format and lint ..."
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@echo "Checking types ..."
	@$(BIN)/mypy
	@echo "Checking import rules ..."
	@$(BIN)/lint-imports --no-logo

fix: $(VENV)/.dev  ## format, and mend what lint can mend by itself
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

proto: $(VENV)/.dev  ## generate server/pb from proto/
	@echo "Generating server/pb from proto/ ..."
	@$(BIN)/python -m grpc_tools.protoc -Iserver/pb=proto --python_out=. --pyi_out=. --grpc_python_out=. \
		$(addprefix server/pb/,$(PROTOS))

parity: $(VENV)/.dev  ## the authors' numbers, and their checkpoint imported and served; slow tests too
	@$(BIN)/python -m pytest tests/parity tests/unit/released tests/e2e/test_import.py -m "not gpu"

miniature: $(VENV)/.dev  ## the paper's pipeline, small: data of all tasks, both stages, scores (under 15 minutes on two cores)
	@$(BIN)/python -m training.miniature

clean:  ## remove what the commands above made, .venv too
	@echo "Removing .venv, caches and build folders ..."
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per set of packages; newer settings in pyproject.toml install again, which is quick.
$(VENV)/.server: $(VENV)/.made pyproject.toml
	@test $(VENV)/.dev -nt pyproject.toml || { \
		echo "Installing timeaudio[server] into $(VENV) (once; torch makes it a minute or more) ..."; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[server]'; }
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "Installing timeaudio[dev] into $(VENV) (once; torch makes it a minute or more) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is older or missing. Try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

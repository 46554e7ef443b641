# `make demo` and `make test` do all the setup. Everything is installed once, into .venv.
#
# Requires Python 3.11 or newer, make and a network. To choose a Python: make demo PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile
PROTOC = $(BIN)/python -m grpc_tools.protoc --python_out=. --pyi_out=. --grpc_python_out=.

.DEFAULT_GOAL := help
.PHONY: help demo serve test e2e slow check audit fix proto parity pictures fuzz soak chaos chart miniature clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.server  ## start a server, analyse two bundled recordings, show the events, stop the server
	@$(BIN)/timeaudio demo

serve: $(VENV)/.server  ## serve on http://HOST:PORT (make serve PORT=9000) until Ctrl-C
	@$(BIN)/timeaudio serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev  ## run the unit, contract and parity tests, in about 3 minutes on two cores
	@echo "Testing (about 3 minutes on two cores; make e2e tests real servers, clients and browsers) ..."
	@$(PYTEST) tests/unit tests/contract tests/parity

e2e: $(VENV)/.dev  ## run the tests of real servers, clients and browsers, in about 7 minutes on two cores
	@echo "Testing end to end (about 7 minutes on two cores) ..."
	@$(PYTEST) tests/e2e

slow: $(VENV)/.dev  ## run the tests that take more than ten seconds each
	@$(BIN)/python -m pytest -m "slow and not gpu" tests

check: $(VENV)/.dev  ## check format, lint, types, import rules, wire contracts and dependencies
	@echo "Checking format and lint ..."
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@echo "Checking types ..."
	@$(BIN)/mypy
	@echo "Checking import rules ..."
	@$(BIN)/lint-imports --no-logo
	@echo "Checking the wire contracts ..."
	@$(BIN)/buf lint proto
	@$(BIN)/buf breaking proto --against proto/released.binpb
	@echo "Auditing dependencies ..."
	@$(BIN)/python deploy/audit.py

audit: $(VENV)/.dev  ## check only the installed packages for known vulnerabilities (says so if there is no network)
	@$(BIN)/python deploy/audit.py

fix: $(VENV)/.dev  ## format the code and fix what the linter can fix
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

proto: $(VENV)/.dev  ## generate timeaudio/v1 and server/pb from proto/
	@echo "Generating timeaudio/v1 and server/pb from proto/ ..."
	@$(PROTOC) -Iproto timeaudio/v1/timeaudio.proto
	@$(PROTOC) -Iserver/pb=proto server/pb/timeaudio/worker/v1/worker.proto

parity: $(VENV)/.dev  ## compare with the authors' numbers, import and serve a checkpoint in their layout; slow
	@$(BIN)/python -m pytest tests/parity tests/unit/convert tests/e2e/test_import.py -m "not gpu"

pictures: $(VENV)/.dev  ## make the pictures of the web pages in docs/ with Chromium; check them afterwards
	@$(BIN)/python -m tests.e2e.page.pictures
	@$(BIN)/python -m tests.e2e.browse.pictures

fuzz: $(VENV)/.dev  ## decode 100,000 damaged files, send as many to a real server, and more; results in runs/fuzz.json
	@mkdir -p runs
	@PYTHONPATH=. $(BIN)/python -m tests.fuzz --json runs/fuzz.json $(FUZZ)

soak: $(VENV)/.dev  ## 30 minutes at 80 % load, then at five times the peak; results in runs/soak.json
	@mkdir -p runs
	@$(BIN)/python benchmarks/soak.py --json runs/soak.json $(SOAK)

chaos: $(VENV)/.dev  ## kill workers, change clocks, fill disks, send slowly, restart; report in runs/chaos.json
	@mkdir -p runs
	@$(BIN)/python -m tests.chaos --json runs/chaos.json $(CHAOS)

chart: $(VENV)/.dev  ## lint, render and validate the Helm chart, lint the Dockerfile
	@$(BIN)/python -m pytest -q tests/contract/test_chart.py

miniature: $(VENV)/.dev  ## run the paper's training pipeline at a small size (under 15 minutes on two cores)
	@$(BIN)/python -m training.miniature

clean:  ## remove .venv, caches and build folders; runs/ stays, it may hold checkpoints
	@echo "Removing .venv, caches and build folders ..."
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		.schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp file per set of packages. A newer pyproject.toml triggers another install, which is quick.
$(VENV)/.server: $(VENV)/.made pyproject.toml
	@test $(VENV)/.dev -nt pyproject.toml || { \
		echo "Installing timeaudio[server] into $(VENV) (once; a minute or more, because of torch) ..."; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[server]'; }
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "Installing timeaudio[dev] into $(VENV) (once; a minute or more, because of torch) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is required; $(PYTHON) is older or missing. Try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing. Install it: apt-get install python3-venv" >&2; exit 1; }
	@echo "Creating a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

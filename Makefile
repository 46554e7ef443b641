# Two commands do all the set-up: `make demo` and `make test`. Everything is installed into .venv, once.
#
# Needs Python 3.11 or newer, make and a network. Another Python: make demo PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
PROTOC = $(BIN)/python -m grpc_tools.protoc --python_out=. --pyi_out=. --grpc_python_out=.

.DEFAULT_GOAL := help
.PHONY: help demo serve test slow check audit fix proto parity pictures fuzz soak chaos chart miniature clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.server  ## hear two bundled recordings: starts a server, asks it, shows the events, stops it
	@$(BIN)/timeaudio demo

serve: $(VENV)/.server  ## serve on http://HOST:PORT (make serve PORT=9000) until Ctrl-C
	@$(BIN)/timeaudio serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev  ## every test that needs no GPU and no patience: unit, contract, end to end
	@echo "Testing (under 5 minutes on two cores) ..."
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile tests

slow: $(VENV)/.dev  ## the tests that take more than ten seconds each
	@$(BIN)/python -m pytest -m "slow and not gpu" tests

check: $(VENV)/.dev  ## format, lint, types, import rules, wire contracts, dependencies
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

audit: $(VENV)/.dev  ## known vulnerabilities of what is installed alone; says so where there is no network
	@$(BIN)/python deploy/audit.py

fix: $(VENV)/.dev  ## format, and mend what lint can mend by itself
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

proto: $(VENV)/.dev  ## generate timeaudio/v1 and server/pb from proto/
	@echo "Generating timeaudio/v1 and server/pb from proto/ ..."
	@$(PROTOC) -Iproto timeaudio/v1/timeaudio.proto
	@$(PROTOC) -Iserver/pb=proto server/pb/timeaudio/worker/v1/worker.proto

parity: $(VENV)/.dev  ## the authors' numbers, and their checkpoint imported and served; slow tests too
	@$(BIN)/python -m pytest tests/parity tests/unit/released tests/e2e/test_import.py -m "not gpu"

pictures: $(VENV)/.dev  ## the page's pictures in docs/, by a real Chromium; look at them afterwards
	@$(BIN)/python -m tests.e2e.page.pictures

fuzz: $(VENV)/.dev  ## 100,000 damaged files, and bodies and messages, at a real server; figures in runs/fuzz.json
	@mkdir -p runs
	@PYTHONPATH=. $(BIN)/python -m tests.fuzz --json runs/fuzz.json $(FUZZ)

soak: $(VENV)/.dev  ## 30 minutes at 80 % load, then five times too much; figures in runs/soak.json
	@mkdir -p runs
	@$(BIN)/python benchmarks/soak.py --json runs/soak.json $(SOAK)

chaos: $(VENV)/.dev  ## workers killed, clocks that jump, full disks, slow senders, restarts; report in runs/chaos.json
	@mkdir -p runs
	@$(BIN)/python -m tests.chaos --json runs/chaos.json $(CHAOS)

chart: $(VENV)/.dev  ## lint and render the Helm chart, validate it strictly, lint the Dockerfile
	@$(BIN)/python -m pytest -q tests/contract/test_chart.py

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

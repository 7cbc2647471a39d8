# One place where every habit is a word. `make demo` and `make test` do all their set-up themselves.

VENV ?= .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E env PATH="$$PATH")
# Nobody to ask (CI, a pipe): to have typed `make demo` is the yes.
YES := $(shell [ -t 0 ] || echo --yes)

.PHONY: help setup demo test test-unit test-lab test-vm test-all lint bench schemas clean

help:
	@echo "make demo      three hosts on this machine, a swarm over them, the matrix, teardown"
	@echo "make test      lint, unit, architecture and wire tests, then the quick lab tests (root)"
	@echo "make test-vm   virtual machines with Debian's stock kernel (root, QEMU; 10 minutes or more)"
	@echo "make test-all  make test, then the lab tests that take minutes, then make test-vm"
	@echo "make lint      ruff, mypy, import contracts"
	@echo "make bench     wall, CPU and SSH sessions beside the floor script; writes docs/bench.md"
	@echo "make schemas   write docs/schema/*.json anew"
	@echo "make clean     remove the virtual environment and caches"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml scripts/setup
	@scripts/setup $(VENV)

demo: setup
	$(BIN)/swarmlay demo $(YES) $(FLAGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test-unit: setup
	$(BIN)/pytest $(ARGS)

test-lab: setup
	$(SUDO) $(BIN)/pytest -p no:randomly -m "lab and not slow" $(ARGS)

# What emulates the machines is Debian's; apt is asked only where something of it is missing.
test-vm: setup
	lacking=$$($(BIN)/python -m tests.vm.packages) && \
	if [ -n "$$lacking" ]; then $(SUDO) apt-get install -y --no-install-recommends $$lacking; fi
	$(SUDO) $(BIN)/pytest -p no:randomly -m vm tests/vm $(ARGS)

test: lint test-unit test-lab

test-all: test
	$(SUDO) $(BIN)/pytest -p no:randomly -m "slow and not vm" $(ARGS)
	$(MAKE) test-vm

bench: setup
	$(SUDO) $(BIN)/python -m bench $(FLAGS)

schemas: setup
	$(BIN)/python scripts/write_schemas.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

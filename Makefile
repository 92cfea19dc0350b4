# Every target does its own set-up: from a fresh clone `make demo` and `make test` just work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: install system demo test check format bench lab clean help

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make install   .venv/bin/linkdoctor
install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) scripts/make_venv.py $(VENV)
	@touch $@

## make demo      a real check over loopback servers: no root, no network
demo: install
	@$(BIN)/linkdoctor demo

## make test      all tests; real networks in namespaces, real servers
test: install system
	$(BIN)/python -m pytest $(ARGS)

## make check     style, types, layers, CPython 3.7 for what runs inside a UDF
check: install
	@scripts/check

## make format    what the formatter can mend
format: install
	$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format --quiet .

## make bench     speed and memory beside real peers, as ratios
bench: install
	$(BIN)/python -m benchmarks

## make lab       the diagnosis scored over networks with known faults (SCENARIO=name for one)
lab: install system
	$(BIN)/python -m tests.lab $(SCENARIO)

# As root: installs the servers and tools that the lab needs. Otherwise: names what is missing, with the line that installs it.
system:
	@scripts/system-packages

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Every target does its own set-up: from a fresh clone `make demo` and `make test` just work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: install system demo test check format bench soak lab saturation causes draws kills fuzz clean help

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

## make soak      linkdoctor serve for 20 minutes beside blackbox_exporter and Prometheus (SOAK="--minutes 5 --targets 200")
soak: install system
	$(BIN)/python -m benchmarks.soak $(SOAK)

## make lab       the diagnosis scored over networks with known faults (VARIANT=bare|silent|forwarder|all),
##                or with SCENARIO=name a shell in one of them (TRUTH=1 says what is broken)
lab: install system
ifdef SCENARIO
	@$(BIN)/python -m tests.lab.shell $(if $(TRUTH),--truth) $(SCENARIO)
else
	$(BIN)/python -m tests.lab $(if $(VARIANT),--variant $(VARIANT))
endif

## make saturation  how many connections a way holds, scored over real routers whose limits are known (SATURATION="--repeat 3")
saturation: install system
	$(BIN)/python -m tests.lab.saturation $(SATURATION)

## make causes    docs/causes/: a page for each cause, from catalogue, rules and lab (FRESH=1 asks the lab for all examples anew)
causes: install system
	$(BIN)/python -m tests.lab.pages $(if $(FRESH),--fresh)

## make draws     the same over random networks, and whether the stated confidence is true (DRAWS="--draws 100 --seed 7")
draws: install system
	$(BIN)/python -m tests.lab.draws $(DRAWS)

## make kills     kill -9 of a process that writes to the history, again and again: what was acknowledged is there (KILLS=200)
kills: install
	$(BIN)/python -m tests.agent.store.kills $(or $(KILLS),200)

## make fuzz      bytes that are nearly right, for an hour, to all that reads bytes from outside (FUZZ="--minutes 5 dns tls")
fuzz: install
	$(BIN)/python -m tests.fuzz $(FUZZ)

# As root: installs the servers and tools that the lab needs. Otherwise: names what is missing, with the line that installs it.
system:
	@scripts/system-packages

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

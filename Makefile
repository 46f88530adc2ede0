# Each job sets up what it needs in .venv; a second call finds it there.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { command -v $$python; break; }; done)
BIN := .venv/bin
BENCHES := bench/app.py bench/compare.py bench/engine.py bench/growth.py bench/history.py bench/jobs.py bench/judge.py bench/mirrors.py bench/moments.py bench/panel.py bench/streaming.py bench/talking.py bench/trainer.py

.PHONY: run test faults lint check bench soak wheel demo-model pictures
.DELETE_ON_ERROR:
.NOTPARALLEL:

run: .venv/local.stamp
	@$(BIN)/kullm

# Four at once on two cores, as much of a test's time is waiting; each file's in one process, and in the order of tests/conftest.py.
test: .venv/test.stamp
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not soak and not peers"

# One process: a table is printed row by row when all have been tried.
faults: .venv/test.stamp
	$(BIN)/python -m pytest -q -p no:xdist -p tests.faults -m fault

lint: .venv/test.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy bench
	$(BIN)/lint-imports

check: lint test

bench: .venv/test.stamp
	@$(if $(BENCHES),set -e; for file in $(BENCHES); do echo "== $$file"; $(BIN)/python -P $$file; done; $(BIN)/python -P bench/trainer.py --precision fp32,echo "bench/ measures nothing yet.")

soak: .venv/peers.stamp
	KULLM_LLAMA_CPP_PYTHON=$(CURDIR)/$(BIN)/python $(BIN)/pytest -s -m "soak or peers" --timeout 3600
	$(BIN)/python -P bench/attacks.py
	KULLM_FUZZ_REQUESTS=10000 $(BIN)/pytest -s tests/engine/test_fuzz.py
	KULLM_MUTATED_FILES=20000 KULLM_DAMAGES=300 $(BIN)/pytest -s tests/hostile
	KULLM_FUZZ_VERDICTS=5000 $(BIN)/pytest -s tests/evaluator/test_verdict_mutations.py

# About half an hour on two cores; a rebuild that was stopped goes on.
demo-model: .venv/test.stamp
	$(BIN)/python -P -m trainer.demo_model

# Of the README and the guides: some minutes, and tmux.
pictures: .venv/test.stamp
	$(BIN)/python -P bench/pictures.py

wheel: .venv/test.stamp
	$(BIN)/python -m build --wheel --no-isolation

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 to 3.13 with venv was found. On Debian: apt-get install python3-venv. Or: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/%.stamp: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing into .venv: some minutes, and 1.3 GB with what models of this machine need."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

# Two commands from a fresh clone: `make demo` and `make test`. Nothing is installed outside .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# On all cores (up to four), with SQLite's files in memory where there is such a place: a killed process needs no disk.
PYTEST = $(if $(wildcard /dev/shm),PYTEST_DEBUG_TEMPROOT=/dev/shm )$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
SYNAPSE := .venv-synapse/.ready

.PHONY: demo test check format long lock clean

demo: $(READY)  ## pay somebody on an embedded database
	@$(BIN)/botpay demo

test: $(READY)  ## the everyday tests, all of them
	$(PYTEST)

check: $(READY)  ## everything that must hold: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

long: $(READY) $(SYNAPSE)  ## the long walks: many kills, many seeds, a real Matrix homeserver
	$(PYTEST) -m "long or not long"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## renew requirements/dev.txt after a change of pyproject.toml
	uv pip compile pyproject.toml --group dev --extra telegram --extra slack --extra postgres --extra matrix --extra charities --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/dev.txt
	echo 'matrix-synapse>=1.163,<2' | uv pip compile - --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/synapse.txt

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "botpay needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

$(SYNAPSE): requirements/synapse.txt  ## a homeserver for the long tests, apart from what botpay needs
	$(PYTHON) -m venv .venv-synapse
	.venv-synapse/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/synapse.txt
	@touch $(SYNAPSE)

clean:
	rm -rf .venv .venv-synapse .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Each target does its own set-up; a second run starts at once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint bench lectures release

demo: $(READY)
	$(BIN)/course demo

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The virtual environment, made anew only when what it holds is out of date.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=python3.11 ...)"; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $(READY)

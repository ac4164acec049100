# Each target does its own set-up; a second run starts at once.
PYTHON ?= python3
BIN := .venv/bin
STUDENTS ?= 30
READY := .venv/.ready
# What is compiled once is kept: the tests start many processes, and each would compile the course's modules again.
unexport PYTHONDONTWRITEBYTECODE
# Two workers; each takes whole groups of tests, the longest first, as tests/conftest.py sorts them.
WORKERS ?= 2
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The newest pip reads the index three times as fast as the one that comes with Python 3.11.
PIP := pip==26.3

.PHONY: demo check test test-all test-long attacks landlock lint bench kill soak release lectures slides lock environment

demo: $(READY)
	$(BIN)/course demo

# Before each commit, in a minute: style, types, what needs no process of its own, one exercise of each assignment behind
# this host's wall, one notebook. CONTRIBUTING.md has the table of what each target covers.
check: lint
	$(PYTEST) -m "sample or not (slow or long or wall or browser)"

# What this project promises, in about nine minutes on two cores.
test: $(READY)
	$(PYTEST) --durations=30

# `make test`, and what is too long for it.
test-all: test test-long portable-one

# What only `make test-all` runs: every cheat on the four larger assignments, and cheats and mishaps on the rung below.
test-long: $(READY) landlock
	$(PYTEST) --durations=10 -m long

# The whole red team: `make test` tries every cheat on the warm-up, this on all assignments.
attacks: $(READY) landlock
	$(PYTEST) -m "" tests/attacks

# Cheats and mishaps on the rung below bubblewrap, for hosts that have no better one.
landlock: $(READY)
	COURSE_RUNG=landlock $(PYTEST) tests/attacks

# Seconds per submission beside stock nbgrader's. A larger class: make bench STUDENTS=100
bench: $(READY)
	$(BIN)/python benchmarks/grading.py --students $(STUDENTS)

# Kills at 50 moments of class runs (about half an hour); 1000 submissions with mishaps among them (about ten minutes).
kill: $(READY)
	$(BIN)/python benchmarks/kill.py

soak: $(READY)
	$(BIN)/python benchmarks/soak.py

# release/ anew from source/ (a test compares the two).
release: $(READY)
	for name in $$(ls source); do $(BIN)/nbgrader generate_assignment $$name --force || exit 1; done

# Run every lecture notebook; print topics, figures, numbers and seconds of each.
lectures: $(READY)
	$(BIN)/python -m lecture5.execute

# Slides of the lecture in slides/, which show without a network. One of them: make slides N=05
slides: $(READY)
	$(BIN)/python -m lecture5.slides $(N)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# requirements.lock anew: the exact version of everything that requirements.txt brings along. Versions which the lock has
# already stay while they fit; to take the newest, delete it first. PYTHON should be the oldest version that is supported:
# what it can run, the newer ones can. A local build of torch ("+cpu") is the same version from elsewhere, so its mark goes.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet $(PIP)
	.venv-lock/bin/python -m pip install --quiet pip-tools==7.6.2
	sed '/^-e/d' requirements.txt | CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --allow-unsafe \
		--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --annotation-style line \
		--output-file requirements.lock -
	sed -i -e 's/+cpu//' -e 's/via -r -/via requirements.txt/' requirements.lock
	rm -r .venv-lock

# The virtual environment. What the lock says is installed anew, into an empty one, when the lock has changed; the course's
# own package is installed again when pyproject.toml has.
$(READY): requirements.lock pyproject.toml
	@cmp --silent requirements.lock .venv/requirements.lock || $(MAKE) --no-print-directory environment
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	$(BIN)/python -m pip check
	@touch $(READY)

environment:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (make PYTHON=python3.11 ...)"; exit 2; }
	@$(PYTHON) -m venv --clear .venv || { echo "python3-venv is missing: sudo apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet $(PIP)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@cp requirements.lock .venv/

# Do the asserted numbers hold as other CPUs compute them? A part: make portable ENVIRONMENTS="own oldest" NOTEBOOKS="01 05" BANK=no
# JOBS notebooks run at the same time; WRITE=docs/portability.md writes the page.
JOBS ?= $(shell nproc)
PARTS = $(if $(ENVIRONMENTS),--environments $(ENVIRONMENTS)) $(if $(NOTEBOOKS),--notebooks $(NOTEBOOKS)) $(if $(filter no,$(BANK)),--no-bank)

.PHONY: portable portable-one
portable: $(READY)
	$(BIN)/python benchmarks/portability.py --jobs $(JOBS) $(PARTS) $(if $(WRITE),--write $(WRITE))

# One environment that is no present-day computer's own: for continuous integration.
portable-one: $(READY)
	$(BIN)/python benchmarks/portability.py --jobs $(JOBS) --environments oldest $(if $(NOTEBOOKS),--notebooks $(NOTEBOOKS)) --no-bank

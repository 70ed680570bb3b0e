# `make run` and `make test` need Python 3.11 or newer with venv, make and git; everything else comes from here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: run test lint format lock document-settings bench-send bench-queue drill bench-search bench-import bench-sign-up bench-web bench-papers bench-preview audit

run: $(VENV)/runtime.stamp
	@$(BIN)/python manage.py run

# `make test ARGS="tests/issues -k figures"` runs a part of it.
test: $(VENV)/dev.stamp
	@$(BIN)/python -m scripts.run_tests $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The files of pinned requirements, from pyproject.toml. Made with the oldest Python that has to run them.
lock: $(VENV)/dev.stamp
	$(PIP_COMPILE) --output-file requirements.txt pyproject.toml
	$(PIP_COMPILE) --output-file requirements-esp.txt --extra esp --constraint requirements.txt pyproject.toml
	$(PIP_COMPILE) --output-file requirements-dev.txt --extra dev --extra esp --constraint requirements.txt pyproject.toml

# How fast an issue goes out, beside others; needs PostgreSQL. `ARGS="--rounds 1"` is shorter, `ARGS=--small-list` a part.
bench-send: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.send $(ARGS)

# How long 1,000,000 deliveries take to be queued, and how much memory; needs PostgreSQL. Two minutes.
bench-queue: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.queueing $(ARGS)

# Kills and faults while 50,000 mails go out: nobody is lost, nobody gets two. On services that it starts itself.
drill: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.crash_drill $(ARGS)

# .env.example and the table in docs/settings.md, from dynamically_typed/environment.py.
document-settings: $(VENV)/runtime.stamp
	$(BIN)/python manage.py document_settings

# Searches in archives of up to 100,000 stories, on SQLite and on a PostgreSQL that answers. Some minutes, some 3 GB on disk.
bench-search: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.search $(ARGS)

# How fast pages are read, beside nginx. `make bench-web ARGS="--sizes 500 2000 --rounds 2"` is shorter.
bench-web: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.web $(ARGS)

# How fast subscribers come in from a CSV file, beside a bare COPY of it. `make bench-import ARGS=20000` is shorter.
bench-import: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.import_subscribers $(ARGS)

# Whether the time of the sign-up form's answer tells who subscribes. `make bench-sign-up ARGS=100` is shorter.
bench-sign-up: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.sign_up_answers $(ARGS)

# How long 10,000 papers take to come in from BibTeX and to go out again, read back by other programs.
bench-papers: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.papers $(ARGS)

# How long a writer waits for the preview of a very long story.
bench-preview: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.preview $(ARGS)

# The public pages under axe, Lighthouse and the Nu HTML checker; needs chromium, npm and a Java runtime. Some minutes.
audit: $(VENV)/dev.stamp
	@$(BIN)/python -m benchmarks.audit $(ARGS)

# Each stamp is newer than the requirements that were installed last.
$(VENV)/runtime.stamp: requirements.txt
	@scripts/install $(PYTHON) $(VENV) requirements.txt
	@touch $@

# The development requirements hold the others, too.
$(VENV)/dev.stamp: requirements-dev.txt
	@scripts/install $(PYTHON) $(VENV) requirements-dev.txt
	@touch $@ $(VENV)/runtime.stamp

# make studio   your own pictures, voices and recordings, on a page of this machine (FOLDER=my-language)
# make demo     see it work: draws, speaks, learns from pictures alone, finds words (about 6 minutes)
# make install  .venv with Earmark in it
# make test     the default test suite
# make slow     the tests that take minutes
# make lint     ruff and mypy
# make docs     the documentation as a site, in site/ (open site/index.html)
PYTHON ?= python3
BIN := .venv/bin
# One version everywhere: the lock's. A CPU build is enough.
TORCH ?= $(shell grep '^torch==' requirements.lock)

.PHONY: studio demo install test slow lint docs

# The folder of the project that 'make studio' opens or begins.
FOLDER ?= my-language

studio: install
	$(BIN)/earmark studio $(FOLDER)

demo: install
	$(BIN)/earmark demo

install: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[demo,features,studio]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[demo,dev,features,studio]'
	touch $@

# Workers and the commands that tests start read what one of them has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Each file in one process, because its tests share what they have made; one more than cores, as pages are waited for.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

test: .venv/installed-dev
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

slow: .venv/installed-dev
	$(BIN)/pytest -m slow

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: .venv/installed-dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -b html -d site/.doctrees docs site

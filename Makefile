# Two commands do everything on a machine that has only Python (3.11 or newer) and make:
#   make run    the embedded study, from drawn archives to tables
#   make test   all checks, and the tests that are done within minutes
# `make check CONFIG=studies/x.yaml` says before a long run what is wrong with a study's files, and computes nothing.
# `make test-all` runs the long tests, too, those of pages in a browser where Chromium is installed (tests/browser/install); `make test-slurm` runs the study on a SLURM of one node that it installs and starts; it needs root.
# `make audit` asks databases of vulnerabilities for every pin; `make test-pythons` runs the study on each Python that can be
# had, and `make test-pythons LIGHT=1` tests that need no classifier on the newest other than .venv's.
# `make gpu` installs TensorFlow with CUDA into the same environment.

# Said before minutes are spent on an environment that no job could be started from.
ifneq ($(words [$(CURDIR)]),1)
$(error The path of this folder has a blank in it ($(CURDIR)), and Snakemake cannot start jobs from an environment \
	there. Move the folder to a path without one)
endif

PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$name && break; done)
CORES ?= all
INSTALL = .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r

.PHONY: run check test test-all test-slurm test-pythons audit lint gpu lock clean

run: .venv/run
	.venv/bin/snakemake --cores $(CORES)

# All that can be found wrong without computing: of the embedded study, or of `CONFIG=studies/x.yaml`.
check: .venv/run
	@DERMALIGN_CHECK=1 .venv/bin/snakemake --quiet --dry-run --cores 1 $(if $(CONFIG),--configfile $(CONFIG))

test: lint
	.venv/bin/python -m pytest -m "not slow"

test-all: lint
	.venv/bin/python -m pytest

test-slurm: .venv/test
	tests/slurm/run

test-pythons: .venv/test
	.venv/bin/python tests/pythons/check.py $(if $(LIGHT),--light) --cores $(CORES)

audit: .venv/test
	.venv/bin/python tests/dependencies/vulnerabilities.py

lint: .venv/test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/mypy
	.venv/bin/snakemake --lint

gpu: .venv/run
	$(INSTALL) requirements-gpu.lock

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "dermalign needs Python 3.11, 3.12 or 3.13; none is on the PATH."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: requirements.lock | .venv/bin/python
	$(INSTALL) requirements.lock
	touch $@

.venv/test: requirements-test.lock | .venv/bin/python
	$(INSTALL) requirements-test.lock
	touch $@ .venv/run

# Anew after a change of pyproject.toml; needs uv. Then copy changed pins into envs/ (a test tells which).
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-config --no-header --no-annotate pyproject.toml
lock:
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra test -c requirements.lock -o requirements-test.lock
	$(COMPILE) --extra gpu -c requirements.lock -o requirements-gpu.lock

clean:
	rm -rf .venv .snakemake results/embedded

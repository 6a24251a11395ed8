# Every target sets up what it needs: a virtual environment in .venv, with the pinned dependencies.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test corpora lab handout lint format release notebooks mistakes clean system

help:  ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 12

setup: $(READY)  ## the virtual environment, in .venv

demo: $(READY)  ## release, a small class, grading and feedback, in build/demo
	$(BIN)/python -m grader demo

# Three workers share two cores, because each of them also waits for jails and servers; with more threads each, they would wait
# for one another. Files are taken in the order of tests/conftest.py, in which those that take long come early, and not sorted by
# the number of their tests. nbval's plugin takes a second to import, and pytest's own tests have no notebooks.
PYTEST = $(BIN)/python -m pytest -p no:nbval -n 3 --dist loadscope --no-loadscope-reorder
NBVAL = AUTODIFF_STRICT=1 $(BIN)/python -m pytest -n 3 --dist loadscope --nbval --nbval-cell-timeout 300 -p no:cacheprovider

test: export OMP_NUM_THREADS ?= 1
test: $(READY) system  ## all tests: nbval over source/ and notebooks/, then pytest; with UNIT=01_operators those of one unit
ifdef UNIT
	$(NBVAL) source/$(UNIT)
	$(PYTEST) tests/units/$(shell echo $(UNIT) | cut -d_ -f2-)
	$(BIN)/python -m grader mistakes --unit $(UNIT)
else
	$(NBVAL) source notebooks
	$(PYTEST) tests
endif

corpora: $(READY) system  ## all mistakes, hostile and mangled submissions in all ways, all secrets (an hour; `test` takes a twentieth, each day another)
	CORPORA=all $(PYTEST) tests/redteam tests/clumsy tests/test_catalogue.py tests/test_variants.py tests/test_judges.py tests/units

lab: $(READY)  ## JupyterLab as students have it, on a handout of today's release, in build/lab
	$(BIN)/python -m grader lab

handout: $(READY)  ## what students get, in build/handout.zip, with the name of a term: make handout TERM_NAME="Autumn 2026"
	$(BIN)/python -m grader handout --to build/handout.zip $(if $(TERM_NAME),--term "$(TERM_NAME)")

lint: $(READY)  ## ruff, types, and the form of the notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m grader notebooks

format: $(READY)  ## mend what lint complains about, where a machine can
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .
	$(BIN)/python -m grader notebooks --fix

release: $(READY)  ## release/ from source/, with nbgrader
	$(BIN)/python -m grader release

notebooks: $(READY)  ## run the lectures again and keep their outputs
	$(BIN)/python -m grader notebooks --run

system:  ## install what the tests need beyond Python, where it is missing and can be had (Debian): bubblewrap, PostgreSQL, chromium
	@missing=""; command -v bwrap >/dev/null || missing="bubblewrap"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	if [ -n "$$missing" ]; then echo "installing $$missing"; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq $$missing; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq $$missing; \
	  else echo "missing: $$missing (apt install $$missing); the tests of it are skipped without"; fi; fi

mistakes: $(READY)  ## try the judge on every known mistake, and write the file by which the checks recognise them
	$(BIN)/python -m grader mistakes --write

clean:  ## remove what was built, and the environment
	rm -rf build .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11")'
	@echo "1 of 3: a virtual environment in .venv, of $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
ifeq ($(TORCH),cpu)
	@echo "2 of 3: torch without CUDA"
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/python -m uv pip install --python $(BIN)/python --torch-backend cpu --constraint constraints.txt torch
else
	@echo "2 of 3: torch as pip takes it; on Linux, make setup TORCH=cpu takes the one without CUDA, three gigabytes less"
	@$(BIN)/python -m pip install --constraint constraints.txt torch
endif
	@echo "3 of 3: $$(grep -c == constraints.txt) packages more, some of them large; this takes some minutes"
	@$(BIN)/python -m pip install --constraint constraints.txt --editable '.[grader,test]'
	@touch $(READY)

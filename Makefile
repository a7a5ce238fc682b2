# What a person does here. Each target does all of its own set-up; a second run starts at once.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What a second run need not make again.
BUILT := $(VENV)/.built
# The demo is a course of its own; `autograder demo` says what stands in it.
DEMO := demo
DEMO_CLASS := $(DEMO)/.made
OTTER := bench/.venv-otter
# Who looks at the course: `make lab ROLE=student`.
ROLE := instructor
export OMP_NUM_THREADS := 1

.PHONY: help install lab demo clean-demo quick test build check calibrate seeds bench bench-scale box docs screenshots

help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

# torch comes by its own pin: on machines with a CPU wheel at hand that one is taken.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed: make PYTHON=python3.11 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned packages into $(VENV): once; 5 to 20 minutes, by the network"
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

install: $(READY) box ## set up: the packages and bubblewrap, and nothing else; minutes, once
	@echo "all is there. What to do next:"
	@echo "  source $(BIN)/activate"
	@echo "  autograder doctor # tries everything that grading needs"
	@echo "  make lab # JupyterLab on the course; make lab ROLE=student shows what students get"

box:             ## see to bubblewrap: install it where that is possible, or say how
	@bash scripts/ensure-bubblewrap

$(BUILT): $(READY) $(wildcard source/*.md source/*.py solutions/*.py autograder/course/*.py)
	@$(BIN)/autograder build
	@touch $@

$(DEMO_CLASS): $(BUILT) tests/answers/a01_pca.py tests/hidden/test_a01_pca.py \
    $(wildcard autograder/course/demo_*.py)
	@$(BIN)/autograder demo a01_pca
	@touch $@

demo: box $(DEMO_CLASS) ## grade a made-up class of a01_pca, in demo/: a course of its own
	@$(BIN)/autograder --course $(DEMO) grade a01_pca || test $$? -eq 1
	@$(BIN)/autograder --course $(DEMO) feedback a01_pca
	@echo
	@echo "All of it lies in $(DEMO)/, a course of its own: yours is as it was. What to do next:"
	@echo "  source $(BIN)/activate; cd $(DEMO)"
	@echo "  jupyter server --ServerApp.default_url=/formgrader  # the gradebook in the browser"
	@echo "  autograder grade a01_pca # again: nothing has changed, so nothing is graded twice"
	@echo "  autograder report a01_pca # the class on one page: reports/a01_pca.html"
	@echo "  feedback/<student>/a01_pca/a01_pca.html is what a student gets back"
	@echo "  results/a01_pca/<student>.json has everything, for you"
	@echo "  make clean-demo # removes it, from the course's folder"

clean-demo:      ## remove the demo
	@test ! -e $(DEMO) || $(BIN)/autograder demo --remove

lab: $(READY)    ## JupyterLab on the course, with formgrader; ROLE=student: on what students get
	@case "$(ROLE)" in \
	    instructor) PATH="$(abspath $(BIN)):$$PATH" jupyter lab $(OPTIONS) ;; \
	    student) PATH="$(abspath $(BIN)):$$PATH" scripts/in-student-folder jupyter lab $(OPTIONS) ;; \
	    *) echo "ROLE is instructor or student, not $(ROLE)" >&2; exit 2 ;; esac

quick: $(READY) ## format, types, the fast tests, hidden tests on the references; under a minute
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q -n auto

test: $(READY) box ## every test, of the course and of the engine; about 15 minutes on two cores
	@echo "five steps, about 15 minutes on two cores (make quick: under a minute)"
	@echo "1 of 5: format and types" && $(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@echo "2 of 5: are the notebooks built?" && $(BIN)/autograder build --check
	@echo "3 of 5: the engine's tests, most of the time"
	@$(BIN)/python -m pytest tests/engine -q -n auto --dist loadfile --no-loadscope-reorder
	@echo "4 of 5: does the course hold together?" && $(BIN)/autograder check
	@echo "5 of 5: grading every known answer" && $(BIN)/autograder calibrate
	@echo "all is well"

build: $(READY) ## source/ and release/ notebooks from the masters; the docs' commands from the program
	@$(BIN)/autograder build
	@$(BIN)/python scripts/command_reference.py

check: $(READY) ## does the course hold together?
	@$(BIN)/autograder check

calibrate: $(READY) box ## grade every answer whose verdict is known
	@$(BIN)/autograder calibrate

seeds: $(READY) ## rerun stochastic hidden tests under 200 other seeds; minutes
	@$(BIN)/python tests/seeds/check_seeds.py

docs: $(READY) build ## the site of the docs, in site/; a chapter that changed runs once for its pictures
	@$(BIN)/python scripts/docs_site/previews.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the site is in site/: open site/index.html, or with search:"
	@echo "  $(BIN)/mkdocs serve # on http://127.0.0.1:8000"

screenshots: $(READY) box ## the guides' pictures, of real pages in Chromium; minutes
	@$(BIN)/python scripts/screenshots.py

# otter-grader in an environment of its own, which finds all else, torch above all, in this one.
$(OTTER)/.ready: $(READY) bench/requirements-otter.txt
	@echo "installing otter-grader into $(OTTER) (once)"
	@$(BIN)/python -m venv $(OTTER)
	@$(OTTER)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r bench/requirements-otter.txt
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	    > "$$($(OTTER)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/course.pth"
	@$(OTTER)/bin/python -m ipykernel install --sys-prefix >/dev/null
	@touch $@

bench: $(READY) box $(OTTER)/.ready ## time stock nbgrader, otter-grader, us and the floor; OPTIONS="--submissions 5"
	@$(BIN)/python bench/compare.py $(OPTIONS)

bench-scale: $(READY) box ## grade 2,000 submissions: memory, time, what is unchanged; OPTIONS="--submissions 100"
	@$(BIN)/python bench/scale.py $(OPTIONS)

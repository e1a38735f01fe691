# Everything here works with python3 (3.11 to 3.13) and pip; no GPU, no OpenGL, no account.
#
#   make demo       install into .venv; make, verify and render 20 episodes in demo/
#   make test       install the test tools, then lint, types, import rules and the fast tests
#
# Variables: PYTHON=python3.12 picks the interpreter, VENV=/some/folder the environment,
# DEMO=/some/folder the demo's output, PYTEST='-k layout' adds arguments to pytest, JOBS=1 the
# processes that run the tests (one per core).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
DEMO ?= demo
PYTEST ?=
JOBS ?= $(shell nproc)
BIN := $(VENV)/bin
DATAFACTORY := $(BIN)/datafactory
IS_SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if command -v $$p > /dev/null && $$p -c '$(IS_SUPPORTED)' 2> /dev/null; \
	then echo $$p; exit; fi; done; echo python3)
TORCH ?= torch==2.13.0
FAST := not slow and not nightly and not network

.PHONY: help install demo test lint format bench docs gallery nightly clean viewer-pictures

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'also: install lint format bench docs gallery nightly clean'

# --- environment: rebuilt when pyproject.toml changes, never otherwise ---------------------------

$(BIN)/pip:
	@$(PYTHON) -c '$(IS_SUPPORTED)' 2> /dev/null || { \
		echo "error: Python 3.11, 3.12 or 3.13 is needed; '$(PYTHON)' is not one of them" >&2; \
		echo "  try: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "error: '$(PYTHON)' cannot make virtual environments" >&2; \
		echo "  why: its venv or ensurepip module is missing (a package of its own on Debian)" >&2; \
		echo "  try: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,zoo]' '$(TORCH)'
	@touch $(VENV)/.installed $@

install: $(VENV)/.installed

# --- the first command -----------------------------------------------------------------------

demo: $(VENV)/.installed
	@rm -rf $(DEMO)/pick_place
	@mkdir -p $(DEMO)
	$(DATAFACTORY) generate --task pick_place --n 20 --out $(DEMO)/pick_place --render default
	$(DATAFACTORY) verify $(DEMO)/pick_place
	@$(DATAFACTORY) show $(DEMO)/pick_place --png $(DEMO)/episode.png > $(DEMO)/episode.txt
	@$(DATAFACTORY) show $(DEMO)/pick_place --variant default \
		--png $(DEMO)/images.png --mp4 $(DEMO)/episode.mp4 > /dev/null
	@$(DATAFACTORY) show $(DEMO)/pick_place --variant default --sheet 20 \
		--png $(DEMO)/sheet.png > /dev/null
	@echo
	@echo 'dataset    $(DEMO)/pick_place    20 accepted episodes, re-executed bit for bit, rendered'
	@echo 'film       $(DEMO)/episode.mp4   the first episode from both cameras'
	@echo 'pictures   $(DEMO)/images.png    the same, as a contact sheet'
	@echo '           $(DEMO)/sheet.png     one image of each of the 20'
	@echo '           $(DEMO)/episode.png   plan, curves and checks; in words: $(DEMO)/episode.txt'
	@echo 'more       $(DATAFACTORY) stats $(DEMO)/pick_place'

# --- the second command ----------------------------------------------------------------------

test: lint
	$(BIN)/python -m pytest -q -n $(JOBS) -m '$(FAST)' $(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

nightly: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -m 'slow or nightly or network' $(PYTEST)

# --- measurements, documents, pictures -------------------------------------------------------

bench: $(VENV)/.installed
	$(DATAFACTORY) bench generate --n 120
	$(DATAFACTORY) bench generate --n 200 --workers 2
	$(DATAFACTORY) bench render --n 60 --style fast
	$(DATAFACTORY) bench render --n 60 --style default
	$(BIN)/python -m benchmarks.images
	$(BIN)/python -m benchmarks.planning

$(VENV)/.installed-docs: | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'mkdocs-material>=9.8,<10'
	@touch $@

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site
	@echo 'open build/site/index.html'

# Pictures of the documents. Every one is made by the commands below and nothing else.
gallery: $(VENV)/.installed
	@rm -rf build/gallery
	@mkdir -p build/gallery docs/images
	$(DATAFACTORY) generate -q --task pick_place --n 15 --out build/gallery/pick_place > /dev/null
	$(DATAFACTORY) generate -q --task clutter --n 1 --out build/gallery/clutter > /dev/null
	$(DATAFACTORY) generate -q --task plate_then_box --n 1 --out build/gallery/plate_then_box > /dev/null
	$(DATAFACTORY) show -q build/gallery/pick_place --png docs/images/episode.png > /dev/null
	$(DATAFACTORY) show -q build/gallery/pick_place --sheet 15 --png docs/images/sheet.png > /dev/null
	$(DATAFACTORY) show -q build/gallery/clutter --png docs/images/clutter.png > /dev/null
	$(DATAFACTORY) show -q build/gallery/plate_then_box --png docs/images/two_stages.png > /dev/null
	$(DATAFACTORY) render -q build/gallery/pick_place --limit 3 > /dev/null
	$(DATAFACTORY) show -q build/gallery/pick_place --variant default --index 1 \
		--png docs/images/render_default.jpg > /dev/null
	@for r in franka_panda franka_panda_hand ur5e yam primitive_arm; do \
		$(DATAFACTORY) generate -q --task pick_place --robot $$r --seed 3 --n 1 \
			--out build/gallery/robot_$$r > /dev/null || exit 1; done
	$(BIN)/python -m benchmarks.robots build/gallery/robot_{franka_panda,franka_panda_hand,ur5e,yam,primitive_arm} \
		docs/images/robots.jpg
	$(BIN)/python -m benchmarks.gallery build/gallery/pick_place build/gallery/clutter \
		build/gallery/plate_then_box docs/images
	$(BIN)/python -c 'from pathlib import Path; from PIL import Image; \
		[Image.open(p).convert("RGB").quantize(128, dither=0).save(p, optimize=True) \
		for p in sorted(Path("docs/images").glob("*.png"))]'
	@ls -l docs/images

# Pictures of the viewer: needs Chromium (apt-get install chromium).
viewer-pictures: $(VENV)/.installed-dev
	@rm -rf build/viewer
	$(DATAFACTORY) generate -q --task pick_place --distractors 2-9 --n 400 --seed 3 \
		--out build/viewer/tabletop > /dev/null
	$(DATAFACTORY) render -q build/viewer/tabletop --style fast --limit 60 > /dev/null
	$(DATAFACTORY) questions -q build/viewer/tabletop > /dev/null
	$(BIN)/python -m benchmarks.viewer_pictures build/viewer/tabletop docs/images

clean:
	rm -rf $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

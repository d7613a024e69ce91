# Each target makes the virtual environment by itself.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: inspect test numbers edits zoo mutants accuracy bench growth diffs lint types format clean

inspect: $(VENV)/.run ## the main job
	$(BIN)/stitch inspect unet --replace conv=dwconv

test: $(VENV)/.dev ## every test but the sweep over installed model zoos
	$(BIN)/python -m pytest -n 2

numbers: $(VENV)/.run ## the published parameter counts, each with the flags that make it
	$(BIN)/python tests/published_numbers.py

edits: $(VENV)/.dev ## 2,000 random edits on random built-in networks; prints what came out
	STITCH_EXAMPLES=2000 $(BIN)/python -m pytest -s tests/surgery/test_random_edits.py

zoo: $(VENV)/.zoo ## real networks from timm, torchvision, transformers, diffusers, MONAI, ultralytics
	$(BIN)/python -m pytest -n 2 -m zoo

mutants: $(VENV)/.zoo ## one mistake in each of 350 copies of real networks; writes docs/mutants.md
	PYTHONPATH=tests $(BIN)/python -m mutants.run --out docs/mutants.md

accuracy: $(VENV)/.peers ## 50 real networks, counted by stitch and five other tools; writes docs/accuracy.md
	PYTHONPATH=tests $(BIN)/python -m accuracy.page docs/accuracy.md

bench: $(VENV)/.peers ## time and memory beside other tools' and a bare script's; writes docs/speed.md
	PYTHONPATH=tests $(BIN)/python -m bench.run docs/speed.md

growth: $(VENV)/.peers ## how time grows with modules, edits, calls, depth; writes docs/growth.md and a drawing
	PYTHONPATH=tests $(BIN)/python -m bench.growth docs/growth.md docs/growth.svg

diffs: $(VENV)/.zoo ## real pairs of networks, and the time an alignment takes; writes docs/diffs.md
	PYTHONPATH=tests $(BIN)/python tests/diff_pages.py docs/diffs.md

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[dev]'
	touch $@ $(VENV)/.run

$(VENV)/.zoo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[dev,zoo]'
	touch $@ $(VENV)/.dev $(VENV)/.run

# thop last: ultralytics brings a fork of it that takes its place
$(VENV)/.peers: $(VENV)/.zoo
	$(PIP) -e '.[dev,zoo,peers]'
	$(PIP) --force-reinstall --no-deps thop
	touch $@

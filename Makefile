# Everything a fresh machine with Python 3.11+ and make needs; each target installs what it uses.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LANGUAGE := $(addprefix language-small-,alfworld-hiper webshop-hiper alfworld-flat webshop-flat)
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: demo test lint fuzz bench weights language $(LANGUAGE) panels clean help
.DEFAULT_GOAL := help

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is %d.%d: run make PYTHON=python3.11 ..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[agents]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) '.[agents,browser,spacy,chat,lora,scale,dev]'
	@# The official engine compiles a planner; without a compiler its differential tests skip and say so.
	$(INSTALL) '.[official]' || echo 'The official engine could not be installed: its differential tests will skip.'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## watch the shipped agents play, see their scores and a report
	@$(BIN)/python examples/demo.py $(DEMO)

test: $(VENV)/.test  ## run the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

lint: $(VENV)/.test  ## style, imports, complexity and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.test  ## play random games on both ALFWorld engines in lock-step, for hours
	$(BIN)/python -m pytest -m fuzz

bench: $(VENV)/.test  ## measure speed, difficulty and coverage; the figures in docs/ come from here
	$(BIN)/python benchmarks/alfworld.py
	$(BIN)/python benchmarks/alfworld_games.py
	$(BIN)/python benchmarks/alfworld_plans.py
	$(BIN)/python benchmarks/alfworld_long.py
	$(BIN)/python benchmarks/webshop.py
	$(BIN)/python benchmarks/webshop_difficulty.py
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/estimator_variance.py
	$(BIN)/python benchmarks/prompts.py
	$(BIN)/python benchmarks/language.py
	$(BIN)/python benchmarks/language_robustness.py
	$(BIN)/python benchmarks/scores.py

weights: $(VENV)/.demo  ## train the shipped weights again
	$(BIN)/hiper train --config alfworld-hiper --output hiper_agents/weights
	$(BIN)/hiper train --config alfworld-flat --output hiper_agents/weights
	$(BIN)/hiper train --config webshop-hiper --output hiper_agents/weights
	$(BIN)/hiper train --config webshop-flat --output hiper_agents/weights

language: $(LANGUAGE)  ## train the small language models from nothing, on one core each (make -j2: two at a time)

$(LANGUAGE): $(VENV)/.demo
	$(BIN)/hiper train --config $@ --output hiper_agents/weights

panels: $(VENV)/.demo  ## freeze the shipped panels again, after a world has changed on purpose
	$(BIN)/leaderboard refreeze

clean:  ## remove the virtual environment and all run folders
	rm -rf $(VENV) runs build *.egg-info

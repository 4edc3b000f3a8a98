# The commands of the project; each says what it does in the README.
PYTHON ?= python3

.PHONY: setup
setup: .venv/.done

.venv/.done: locks/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --require-hashes --requirement locks/dev.txt
	.venv/bin/pip install --quiet --no-deps --editable .
	touch $@

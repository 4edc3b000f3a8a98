# The commands of the project; the README says what each is for.
PYTHON ?= python3
# The newest Python that the device runs on, where this machine has it (as python3.13, or from pyenv).
PYTHON313 ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13; do $$p -c '' 2>/dev/null && echo $$p && break; done)

.PHONY: setup demo parts lint test test-device-313 test-train lock

# The locks hold for these; pip would speak of packages that it does not find.
REFUSE_OTHERS = @$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v[:2] <= (3, 13) or sys.exit("Moodscape needs Python 3.11 to 3.13, and $(PYTHON) is %d.%d: give another one, as with PYTHON=python3.13" % v[:2])'

setup: .venv/.done

.venv/.done: locks/dev.txt pyproject.toml
	$(REFUSE_OTHERS)
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/dev.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	.venv/bin/moodscape demo

parts:
	deploy/parts.sh

# PyAudio is built here: it needs PortAudio, which `parts` installs where it may.
.venv/.mic: .venv/.done locks/mic.txt
	if [ -e /usr/include/portaudio.h ]; then .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/mic.txt; fi
	touch $@

lint: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

test: parts setup
	$(MAKE) --no-print-directory .venv/.mic
	.venv/bin/pytest -n 2 -m "not alone" --ignore tests/training
	.venv/bin/pytest -n 0 -m alone --ignore tests/training

.venv-3.13/.done: locks/dev.txt locks/mic.txt pyproject.toml
	$(PYTHON313) -m venv --clear .venv-3.13
	.venv-3.13/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/dev.txt
	if [ -e /usr/include/portaudio.h ]; then .venv-3.13/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/mic.txt; fi
	.venv-3.13/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

test-device-313: parts
ifeq ($(PYTHON313),)
	@echo "Python 3.13 is not on this machine: the device's tests ran on 3.11 only"
else
	$(MAKE) --no-print-directory .venv-3.13/.done
	.venv-3.13/bin/pytest -n 2 tests/moments tests/edge
endif

# The processor's build of PyTorch, without its hash: where it comes from differs between platforms.
.venv-train/.done: locks/train.txt
	$(REFUSE_OTHERS)
	$(PYTHON) -m venv --clear .venv-train
	.venv-train/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-train/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement locks/train.txt
	.venv-train/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# anyio comes along with a dependency; its pytest plug-in does not know this pytest.
test-train: .venv-train/.done
	.venv-train/bin/python -m pytest -p no:anyio tests/training

COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

# build.txt: what builds this wheel, and the packages that come as their source (PyAudio, gpsd-py3).
lock: setup
	$(COMPILE) pyproject.toml --extra dev --output-file locks/dev.txt
	$(COMPILE) pyproject.toml --constraint locks/dev.txt --extra mic --extra clips --extra gpio --output-file locks/edge.txt
	$(COMPILE) pyproject.toml --constraint locks/dev.txt --extra hub --extra postgres --extra parquet --output-file locks/hub.txt
	printf '%s\n' hatchling setuptools | $(COMPILE) - --constraint locks/dev.txt --output-file locks/build.txt
	awk '/^pyaudio==/ {on = 1} on && /^[^ ]/ && !/^pyaudio==/ {on = 0} on' locks/edge.txt > locks/mic.txt

.PHONY: bench-edge bench-hub bench-page screenshots

bench-edge bench-page bench-hub: bench-%: setup
	.venv/bin/python -m bench.$*
	if [ $* = edge ]; then .venv/bin/python -m bench.outbox; fi
	if [ $* = hub ]; then .venv/bin/python -m bench.uploads && .venv/bin/python -m bench.schema; fi

screenshots: setup
	.venv/bin/python -m bench.screens

.PHONY: audit release

audit: setup
	.venv/bin/python deploy/release/audit.py

release: setup
	.venv/bin/python deploy/release/release.py $(KEY)

.PHONY: chaos soak arm fleet peers fuzz install-arm

chaos soak arm fleet: setup
	.venv/bin/python -m bench.$@

# YAMNET, SMART_TURN: the files of the two models; DATA: the folder of the corpora.
peers: setup .venv-train/.done
	.venv/bin/python -m bench.peers --yamnet $(YAMNET) --smart-turn $(SMART_TURN) --data $(DATA)

# As root, with Debian's debootstrap and qemu-user-static.
install-arm: setup
	.venv/bin/python -m tests.deploy.arm

fuzz: setup
	.venv/bin/python -m tests.fuzz

"""`make setup`: which Python makes the environment, and when it is made anew."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A folder with what `make setup` goes by."""
    (tmp_path / "locks").mkdir()
    for name in ("Makefile", "pyproject.toml", "locks/dev.txt"):
        shutil.copy(HERE / name, tmp_path / name)
    return tmp_path


def python(folder, minor):
    """Make a Python that says that it is 3.`minor`, writes down each call, and whose environments have a dumb pip."""
    path = folder / f"python3.{minor}"
    path.write_text(
        f"""#!/bin/sh
echo "$*" >> {folder}/calls
[ "$1" = -m ] || exec {sys.executable} -c 'import sys; sys.version_info = (3, {minor}, 1); exec(sys.argv[2])' "$@"
{sys.executable} "$@" --without-pip
for last; do :; done
ln -s /bin/true "$last/bin/pip"
"""
    )
    path.chmod(0o755)
    return path


def make(folder, python):
    alone = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    command = ["make", "--no-print-directory", "setup", f"PYTHON={python}"]
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True)


@pytest.mark.parametrize("minor", [10, 14])
def test_a_python_that_the_locks_do_not_hold_for_is_refused_before_anything_is_made(checkout, minor):
    other = python(checkout, minor)
    ran = make(checkout, other)
    assert ran.returncode != 0
    said, of_make = ran.stderr.splitlines()
    assert said == (
        f"Moodscape needs Python 3.11 to 3.13, and {other} is 3.{minor}: give another one, as with PYTHON=python3.13"
    )
    assert of_make.startswith("make: ***")
    assert not (checkout / ".venv").exists()


def test_what_a_setup_that_failed_left_is_made_anew_and_what_is_done_is_left_alone(checkout):
    interpreter = checkout / ".venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to("/an/older/python")
    chosen = python(checkout, 13)
    assert make(checkout, chosen).returncode == 0
    assert interpreter.resolve() == Path(sys.executable).resolve()
    calls = (checkout / "calls").read_text()
    assert make(checkout, chosen).returncode == 0
    assert (checkout / "calls").read_text() == calls

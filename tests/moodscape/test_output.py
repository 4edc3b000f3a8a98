"""Standard output that is full, that its reader left, or whose encoding lacks letters."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hub.stores.store import Letter, Store
from moodscape.demo.run import RECORDING
from tests.e2e.processes import COMMAND

FULL = Path("/dev/full")
NO_SPACE = "moodscape: standard output cannot be written: No space left on device\n"


def moodscape(*words, out=subprocess.PIPE, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [*COMMAND, *map(str, words)], env=kept | environment, stdout=out, stderr=subprocess.PIPE, text=True, timeout=60
    )


@pytest.fixture
def store(tmp_path):
    """A store with a message that could not be taken."""
    made = Store(tmp_path / "hub.db")
    made.take([], [Letter("moodscape/v1/a/moment", "is none", b"x")])
    made.close()
    return f"store.path={made.path}"


@pytest.mark.parametrize("buffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "verb",
    [
        "--version",
        "edge --help",
        "edge rules",
        f"read {RECORDING}",
        "hub letters --set {store}",
        "hub token a --set {store}",
    ],
)
def test_output_that_cannot_be_written_is_told_in_one_sentence(store, verb, buffered):
    with FULL.open("w") as full:
        ran = moodscape(*verb.format(store=store).split(), out=full, **buffered)
    assert (ran.returncode, ran.stderr) == (1, NO_SPACE)


@pytest.mark.parametrize("verb", ["edge rules", "--version"])
def test_output_that_is_closed_is_told_in_one_sentence_with_the_remedy(verb):
    ran = subprocess.run(["sh", "-c", f'"$@" {verb} >&-', "sh", *COMMAND], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr == "moodscape: standard output is closed: give it a file, or /dev/null\n"


def test_a_reader_who_leaves_early_is_no_fault_to_tell_of():
    reader, writer = os.pipe()
    os.close(reader)
    ran = moodscape("edge", "rules", out=writer)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, "")


@pytest.mark.parametrize("verb", ["read", "gate --csv"])
def test_a_letter_that_the_encoding_lacks_is_written_by_its_number(tmp_path, verb):
    recording = tmp_path / "día.ogg"
    shutil.copy(RECORDING, recording)
    ran = moodscape(*verb.split(), recording, PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert r"d\xeda.ogg" in ran.stdout


def test_rules_are_shown_whatever_the_encoding():
    ran = moodscape("edge", "rules", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert r"caf\xe9" in ran.stdout

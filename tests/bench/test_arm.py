"""The ARM bench's reckoning; the counting itself needs roots and an emulator."""

import subprocess

import pytest

from bench.arm.__main__ import BOARDS, HERE, read_counts, write_sounds
from bench.arm.roots import NEEDED, refuse_without_parts
from edge.sound import RATE
from moments.errors import WorkError
from tests.parts import program

OUT = "aarch64 ai_edge_litert self-tests hold\nquiet 0\nspeech 2\n"
COUNTS = (100, 900_000_100, 950_000_000, 1_050_000_000, 1_100_000_000, 3_100_000_000)
ERR = "INFO: made\n" + "".join(f"instructions {count}\n" for count in COUNTS)


@pytest.fixture
def files(tmp_path):
    made = {name: tmp_path / name for name in ("quiet", "speech")}
    for path in made.values():
        path.write_bytes(bytes(2 * RATE * 10))
    return made


def test_counts_become_instructions_per_second_of_each_sound(files):
    counted = read_counts(OUT, ERR, files)
    assert counted.load == pytest.approx(900)
    assert counted.per_second == {"quiet": pytest.approx(10), "speech": pytest.approx(200)}
    assert counted.moments == {"quiet": 0, "speech": 2}


def test_a_guest_that_crashes_is_told_with_its_last_words(files):
    with pytest.raises(WorkError, match="uncaught target signal 11"):
        read_counts("", "instructions 100\nqemu: uncaught target signal 11 (Segmentation fault)\n", files)


def test_a_board_spends_what_its_core_takes_for_its_share_of_the_day():
    zero = BOARDS[0]
    assert zero.share(zero.hz * zero.per_cycle) == 1
    assert zero.mwh_a_day(zero.hz * zero.per_cycle) == pytest.approx(zero.core_watts * 24_000)


def test_the_sounds_are_cut_from_the_recording_that_ships(tmp_path):
    seconds = {name: path.stat().st_size / 2 / RATE for name, path in write_sounds(tmp_path).items()}
    assert seconds == {"quiet": 20, "surroundings": 26, "speech": 12}


def test_missing_parts_are_named_in_one_sentence(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(WorkError) as refused:
        refuse_without_parts()
    assert all(package in str(refused.value) for package in NEEDED.values())


@pytest.mark.skipif(program("cc") is None, reason="needs a C compiler")
def test_the_plug_in_compiles_without_a_warning(tmp_path):
    options = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *options, "-o", tmp_path / "count.so", HERE / "count.c"], check=True)

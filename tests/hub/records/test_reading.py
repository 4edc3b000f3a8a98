"""The process that reads one recording: what it says, and what it may take."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.records import reading
from hub.records.decode import Sound
from hub.records.reader import _COMMAND
from moments import uuid7
from tests.hub.records.making import Live, recording
from tests.parts import wait_until

CAME = datetime(2026, 5, 22, 9, 32, 10, tzinfo=UTC)


@pytest.fixture
def said(tmp_path, capsys):
    """Have a recording read that came at `CAME`; gives its moments and the last word."""

    def read(sound):
        path = tmp_path / "sound"
        path.write_bytes(sound)
        asked = {"path": str(path), "record": uuid7(), "device": "upload", "rules": None}
        reading.read(asked | {"begins": None, "made": CAME.isoformat()})
        *lines, last = map(json.loads, capsys.readouterr().out.splitlines())
        return [line["moment"] for line in lines if "moment" in line], last

    return read


def test_a_browser_s_recording_began_its_length_before_it_came(said):
    moments, last = said(recording("webm", 20.0, out=Live()))
    assert last == {"seconds": pytest.approx(20.0, abs=0.1), "error": None}
    began = datetime.fromisoformat(moments[0]["start"])
    assert CAME - began == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=1))


def test_a_length_that_is_none_leaves_the_time_when_it_came(said, monkeypatch):
    monkeypatch.setattr(Sound, "seconds", 1e15)
    moments, last = said(recording("wav", 3.0))
    assert last["error"] is None
    assert datetime.fromisoformat(moments[0]["start"]) - CAME < timedelta(seconds=3)


def test_a_recording_for_which_memory_runs_out_ends_in_a_sentence(said, monkeypatch):
    def too_much(_):
        raise MemoryError

    monkeypatch.setattr(Sound, "blocks", too_much)
    moments, last = said(recording("wav", 1.0))
    assert moments == []
    assert last["error"].startswith("The recording takes more memory to read than any should; ")


def test_its_memory_is_bounded_before_it_reads():
    with subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: most(process.pid) is not None, 60)
            assert most(process.pid) < 4 << 30
        finally:
            process.kill()


def most(process):
    """Give the bytes of addresses that a process may have; None without a bound."""
    limits = Path(f"/proc/{process}/limits").read_text().splitlines()
    (told,) = (line.split()[3] for line in limits if line.startswith("Max address space"))
    return None if told == "unlimited" else int(told)

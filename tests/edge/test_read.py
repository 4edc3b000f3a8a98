"""`moodscape read` and `moodscape gate` on synthesised recordings; detector and readers are those of parts.py."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta

import numpy as np
import pytest
import soundfile

from edge.capture.recording import Recording
from edge.gate import detector
from edge.pipeline import Pipeline
from edge.sound import RATE
from moments import Moment
from moodscape.cli import main
from tests.edge.parts import FakeDetector, pipeline, scene, silence, voice


@pytest.fixture(autouse=True)
def made_up_models(monkeypatch):
    monkeypatch.setattr(Pipeline, "load", pipeline)
    monkeypatch.setattr(detector, "load", FakeDetector)


@pytest.fixture
def day(tmp_path):
    path = tmp_path / "day.wav"
    soundfile.write(path, np.concatenate([scene("rain", 6), voice(2), silence(3), scene("cafe", 6)]), RATE)
    return path


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_gives_a_moment_a_line_with_its_file_as_given(day, capsys, monkeypatch):
    monkeypatch.chdir(day.parent)
    assert main(["read", "./day.wav", "--json", "--start", "2026-05-22T09:00:00+09:00"]) == 0
    told = lines(capsys)
    assert [(row["file"], row["basis"]) for row in told] == [("./day.wav", b) for b in ("scene", "speech", "scene")]
    moments = [Moment.model_validate(row) for row in told]
    assert [m.scene.label for m in moments] == ["rain", "rain", "cafe"]
    begins = datetime.fromisoformat("2026-05-22T09:00:00+09:00")
    assert (moments[0].start, moments[0].clock) == (begins, "synced")
    assert moments[2].start - begins == pytest.approx(timedelta(seconds=11), abs=timedelta(seconds=0.2))
    assert moments[2].start.utcoffset() == timedelta(hours=9)


def test_without_a_start_it_is_the_modification_time_less_the_length(day, capsys):
    os.utime(day, (1_780_000_000, 1_780_000_000))
    assert main(["read", str(day), "--json"]) == 0
    first = Moment.model_validate(lines(capsys)[0])
    assert first.start.timestamp() == pytest.approx(1_780_000_000 - 17)


def test_the_recordings_own_date_goes_before_its_modification_time(tmp_path, capsys):
    path = tmp_path / "dated.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.date = "2026-01-02T03:04:05+01:00"
        file.write(scene("rain", 2))
    assert main(["read", str(path), "--json"]) == 0
    assert lines(capsys)[0]["start"] == "2026-01-02T03:04:05.000+01:00"


def test_with_a_start_recordings_follow_one_another(day, capsys):
    assert main(["read", str(day), str(day), "--json", "--start", "2026-05-22T09:00:00Z"]) == 0
    starts = [Moment.model_validate(row).start for row in lines(capsys)]
    assert starts[3] - starts[0] == timedelta(seconds=17)


def test_nothing_of_one_recording_reaches_into_the_next(tmp_path, day, capsys):
    only_voice = tmp_path / "voice.wav"
    soundfile.write(only_voice, voice(2), RATE)
    assert main(["read", str(day), str(only_voice), "--json"]) == 0
    assert lines(capsys)[-1]["scene"] is None


def test_people_get_a_table(day, capsys):
    assert main(["read", str(day), "--start", "2026-05-22T09:00:00+09:00"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{day}, from 2026-05-22T09:00:00+09:00")
    assert len(rows) == 3
    assert "speech" in rows[1]
    assert "happiness 0.72" in rows[1]
    assert "it is made up" in rows[0]


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path, day, capsys):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert main(["read", str(bad), str(day), str(empty), str(tmp_path / "none.wav"), "--json"]) == 1
    out, err = capsys.readouterr()
    assert {json.loads(line)["file"] for line in out.splitlines()} == {str(day)}
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(bad), str(empty), str(tmp_path / "none.wav")]
    assert "Traceback" not in err


def test_what_stands_before_a_fault_is_told_and_the_fault_named(tmp_path, capsys):
    path = tmp_path / "cut.flac"
    soundfile.write(path, scene("rain", 20), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert main(["read", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert sum(json.loads(line)["seconds"] for line in out.splitlines()) == pytest.approx(10, abs=1.5)
    assert err.count("\n") == 1
    assert str(path) in err


def test_a_start_that_is_no_time_is_a_wrong_call(day, capsys):
    assert main(["read", str(day), "--start", "yesterday"]) == 2
    assert "--start yesterday: is no time; write it as" in capsys.readouterr().err


@pytest.mark.parametrize("start", ["9999-12-31T23:59:58", "9999-12-31T23:59:58-05:00", "0001-01-01T00:00:00+09:00"])
def test_a_start_of_a_year_in_which_nobody_records_is_a_wrong_call(day, capsys, start):
    assert main(["read", str(day), "--start", start]) == 2
    said = f"moodscape: --start {start}: is no time of a recording; give one of the years 1900 to 2199\n"
    assert capsys.readouterr() == ("", said)


def test_a_date_of_its_own_of_such_a_year_does_not_count(tmp_path, capsys):
    path = tmp_path / "dated.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.date = "9999-12-31T23:59:59Z"
        file.write(scene("rain", 6))
    os.utime(path, (1_780_000_000, 1_780_000_000))
    assert main(["read", str(path), "--json"]) == 0
    assert Moment.model_validate(lines(capsys)[0]).start.timestamp() == pytest.approx(1_780_000_000 - 6)


def test_local_times_go_on_over_a_change_of_the_clocks_also_from_one_recording_to_the_next(day, capsys, monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        assert main(["read", str(day), str(day), "--json", "--start", "2026-03-29T01:59:55"]) == 0
    finally:
        monkeypatch.undo()
        time.tzset()
    starts = [row["start"] for row in lines(capsys)]
    assert (starts[0], starts[3]) == ("2026-03-29T01:59:55.000+01:00", "2026-03-29T03:00:12.000+02:00")
    assert starts[2].endswith("+02:00")


def test_a_recording_that_tells_a_length_beyond_all_dates_is_named_and_the_next_begins_in_its_place(
    day, capsys, monkeypatch
):
    monkeypatch.setattr(Recording, "seconds", property(lambda recording: 17.0 if recording.path == day else 2.9e14))
    damaged = day.with_name("damaged.wav")
    damaged.write_bytes(day.read_bytes())
    assert main(["read", str(damaged), str(day), "--json", "--start", "2026-05-22T09:00:00Z"]) == 1
    out, err = capsys.readouterr()
    assert f"{damaged}: tells a length of 290000000000000 s, beyond all dates; leave it out" in err
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(day)] * 3
    assert json.loads(out.splitlines()[0])["start"] == "2026-05-22T09:00:00.000+00:00"


def test_silence_gives_no_moment_and_no_error(tmp_path, capsys):
    path = tmp_path / "silence.wav"
    soundfile.write(path, silence(5), RATE)
    assert main(["read", str(path), "--json"]) == 0
    assert capsys.readouterr() == ("", "")


def test_gate_gives_a_row_a_decision_silence_included(day, capsys):
    assert main(["gate", str(day), "--csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["file", "seconds", "speech", "near"]
    seconds = np.array([float(row[1]) for row in rows[1:]])
    assert len(seconds) == int(17 / 0.03)
    assert np.diff(seconds) == pytest.approx(0.03, abs=0.0011)
    speech = [float(row[2]) for row in rows[1:] if 6.1 < float(row[1]) < 7.9]
    assert min(speech) == 1.0
    assert {row[0] for row in rows[1:]} == {str(day)}


def test_gate_names_a_file_that_cannot_be_read(day, tmp_path, capsys):
    assert main(["gate", str(tmp_path / "none.wav"), str(day), "--csv"]) == 1
    out, err = capsys.readouterr()
    assert "none.wav: there is no such file" in err
    assert len(out.splitlines()) > 500


def test_gate_starts_each_file_anew(day, capsys):
    main(["gate", str(day), str(day), "--csv"])
    rows = capsys.readouterr().out.splitlines()[1:]
    half = len(rows) // 2
    assert rows[:half] == rows[half:]


@pytest.mark.parametrize("verb", [["read"], ["read", "--json"], ["gate", "--csv"]], ids=" ".join)
def test_a_recording_whose_name_is_no_text_is_read_and_the_next_one(tmp_path, verb):
    paths = [os.fsencode(tmp_path) + name for name in (b"/rain-\xff.wav", b"/street.wav")]
    for path in paths:
        with open(path, "wb") as out:  # noqa: PTH123 (a path is text)
            soundfile.write(out, scene("rain", 6), RATE, format="WAV")
    command = [sys.executable, "-c", "import sys; from moodscape.cli import main; sys.exit(main())", *verb, *paths]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}  # as in ko_KR.UTF-8
    done = subprocess.run(command, capture_output=True, check=False, env=strict)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"rain-" in done.stdout
    assert b"street.wav" in done.stdout

import base64
import io

import numpy as np
import pytest
import soundfile

from edge.cli import register
from edge.records.clip import Safe, packed
from edge.records.shelf import Shelf
from edge.sound import RATE
from moments.errors import UserError, WorkError


@pytest.fixture
def asked(tmp_path, capsys, monkeypatch):
    import argparse

    monkeypatch.setenv("TZ", "Asia/Seoul")
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())

    def ask(*args, code=0):
        chosen = parser.parse_args(["edge", "clips", "--set", f"outbox.path={tmp_path / 'outbox.db'}", *args])
        assert chosen.run(chosen) == code
        said = capsys.readouterr()
        return said.err if code else said.out

    return ask


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(base64.b64encode(bytes(range(32))))
    return path


def keep(tmp_path, safe, begin, step=1):
    shelf = Shelf(tmp_path / "clips", safe, max_days=30, max_disk_share=0.5)
    sound = (np.arange(2 * RATE) // step).astype(np.int16)
    shelf.put(*packed(sound, safe, kind="mark", record=None, moments=[], begin=begin))
    return sound


def test_without_clips_it_says_where_none_are(asked, tmp_path):
    assert asked() == f"no clips in {tmp_path / 'clips'}\n"


def test_each_clip_is_a_line_that_needs_no_key(asked, tmp_path, key):
    keep(tmp_path, Safe(key), 1_779_440_400.0)
    assert "2026-05-22T" in asked()
    assert "mark        2.0 s" in asked()


def test_with_the_key_the_sound_is_written_out(asked, tmp_path, key):
    sound = keep(tmp_path, Safe(key), None)
    asked("--out", str(tmp_path / "out"), "--set", f"clips.key_file={key}")
    (path,) = (tmp_path / "out").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.name.startswith("unknown-")
    assert np.array_equal(soundfile.read(io.BytesIO(path.read_bytes()), dtype="int16")[0], sound)


def test_the_newest_marks_come_first(asked, tmp_path):
    for step, begin in enumerate([1.0e9, 1.2e9, 1.1e9], 1):
        keep(tmp_path, Safe(None), begin, step)
    assert [line[:4] for line in asked().splitlines()] == ["2008", "2004", "2001"]


def test_a_listing_leaves_what_a_device_is_writing_and_what_is_broken(asked, tmp_path):
    keep(tmp_path, Safe(None), 1.0)
    others = {"a.part": b"half", "b.clip": b"no label"}
    for name, content in others.items():
        (tmp_path / "clips" / name).write_bytes(content)
    before = sorted((tmp_path / "clips").iterdir())
    assert "b.clip is no clip of this device" in asked(code=1)
    assert sorted((tmp_path / "clips").iterdir()) == before


def test_a_clip_that_cannot_be_opened_is_named_and_the_others_are_written_out(asked, tmp_path, key):
    sound = keep(tmp_path, Safe(None), 1.0)
    keep(tmp_path, Safe(key), 2.0, step=2)
    said = asked("--out", str(tmp_path / "out"), code=1)
    assert said.startswith("moodscape: ")
    assert "set clips.key_file" in said
    (path,) = (tmp_path / "out").iterdir()
    assert np.array_equal(soundfile.read(io.BytesIO(path.read_bytes()), dtype="int16")[0], sound)


def test_a_folder_of_clips_that_cannot_be_read_is_named(asked, tmp_path):
    long = tmp_path / ("x" * 300)
    with pytest.raises(WorkError, match="cannot be read: File name too long"):
        asked("--set", f"clips.folder={long}")


def test_a_wrong_key_or_a_wrong_folder_ends_it_with_the_remedy(asked, tmp_path, key):
    keep(tmp_path, Safe(key), None)
    with pytest.raises(UserError, match="cannot be read"):
        asked("--out", str(tmp_path / "out"), "--set", f"clips.key_file={tmp_path / 'none'}")
    with pytest.raises(WorkError, match="another folder"):
        asked("--out", str(key), "--set", f"clips.key_file={key}")

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

    def ask(*args):
        chosen = parser.parse_args(["edge", "clips", "--set", f"outbox.path={tmp_path / 'outbox.db'}", *args])
        assert chosen.run(chosen) == 0
        return capsys.readouterr().out

    return ask


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(base64.b64encode(bytes(range(32))))
    return path


def keep(tmp_path, safe, begin):
    shelf = Shelf(tmp_path / "clips", safe, max_days=30, max_disk_share=0.5)
    sound = np.arange(2 * RATE).astype(np.int16)
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
    assert path.name.startswith("unknown-")
    assert np.array_equal(soundfile.read(io.BytesIO(path.read_bytes()), dtype="int16")[0], sound)


def test_without_the_key_or_with_a_wrong_folder_the_remedy_is_named(asked, tmp_path, key):
    keep(tmp_path, Safe(key), None)
    with pytest.raises(WorkError, match=r"set clips\.key_file"):
        asked("--out", str(tmp_path / "out"))
    with pytest.raises(UserError, match="cannot be read"):
        asked("--out", str(tmp_path / "out"), "--set", f"clips.key_file={tmp_path / 'none'}")
    with pytest.raises(WorkError, match="another folder"):
        asked("--out", str(key), "--set", f"clips.key_file={key}")

import base64
import hashlib
import io
import sys

import numpy as np
import pytest
import soundfile

from edge.records.clip import ClosedClip, Safe, UnreadableClip, label_of, packed, sound_of
from edge.sound import RATE
from moments import uuid7
from moments.errors import UserError

SOUND = np.random.default_rng(3).integers(-9000, 9000, 2 * RATE).astype(np.int16)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "clips.key"
    path.write_bytes(base64.b64encode(bytes(range(32))) + b"\n")
    return path


def written(tmp_path, safe, record=None):
    label, content = packed(SOUND, safe, kind="mark", record=record, moments=["m"], begin=5.0)
    path = tmp_path / f"{label.sha256}.clip"
    path.write_bytes(content)
    return label, path


def test_a_clip_is_its_sound_without_loss_named_by_its_hash(tmp_path):
    label, path = written(tmp_path, Safe(None), uuid7())
    flac = sound_of(path, Safe(None))
    assert hashlib.sha256(flac).hexdigest() == label.sha256
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    assert rate == RATE
    assert np.array_equal(samples, SOUND)
    assert label_of(path) == label
    assert (label.clip.sha256, label.clip.seconds, label.clip.media_type) == (label.sha256, 2.0, "audio/flac")


def test_with_a_key_nothing_of_the_sound_lies_on_the_disk(tmp_path, key):
    safe = Safe(key)
    label, path = written(tmp_path, safe)
    flac = sound_of(path, safe)
    content = path.read_bytes()
    assert not any(flac[at : at + 16] in content for at in range(0, len(flac) - 16, 997))
    assert written(tmp_path, safe)[1].read_bytes() != content, "a nonce of its own each time"
    assert label.encrypted


def test_another_key_no_key_or_a_changed_byte_is_told(tmp_path, key):
    _, path = written(tmp_path, Safe(key))
    other = tmp_path / "other.key"
    other.write_bytes(base64.b64encode(bytes(32)))
    with pytest.raises(ClosedClip, match="another key"):
        sound_of(path, Safe(other))
    with pytest.raises(ClosedClip, match=r"set clips\.key_file"):
        sound_of(path, Safe(None))
    content = bytearray(path.read_bytes())
    for at in (20, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises((ClosedClip, UnreadableClip)):
            sound_of(path, Safe(key))
    path.write_bytes(content[:-30])
    with pytest.raises(ClosedClip):
        sound_of(path, Safe(key))


def test_a_broken_clip_in_the_clear_is_told_by_its_hash(tmp_path):
    _, path = written(tmp_path, Safe(None))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableClip, match="broken"):
        sound_of(path, Safe(None))
    path.write_bytes(b"no label")
    with pytest.raises(UnreadableClip, match="no clip"):
        label_of(path)


def test_a_clip_that_the_disk_does_not_give_now_is_not_called_broken(tmp_path):
    with pytest.raises(ClosedClip, match="cannot be read"):
        label_of(tmp_path)
    with pytest.raises(ClosedClip, match="cannot be read"):
        sound_of(tmp_path, Safe(None))


@pytest.mark.parametrize("content", [b"", b"short", base64.b64encode(bytes(16)), b"\xff" * 44])
def test_a_file_that_holds_no_key_is_a_mistake_with_a_remedy(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(UserError, match="openssl rand -base64 32"):
        Safe(path)


def test_a_missing_key_or_library_is_named(tmp_path, key, monkeypatch):
    with pytest.raises(UserError, match="cannot be read"):
        Safe(tmp_path / "none")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(UserError, match=r"moodscape\[clips\]"):
        Safe(key)


def test_a_clip_of_unknown_time_lies_in_every_span_without_a_beginning(tmp_path):
    label, _ = packed(np.ones(RATE, np.int16), Safe(None), kind="mark", record=None, moments=[], begin=None)
    assert label.touches(float("-inf"), 5.0)
    assert not label.touches(0.0, float("inf"))

"""Any format that a phone makes becomes the same stream of sound."""

import io
import wave

import numpy as np
import pytest

from edge.capture.recording import Recording
from hub.records.decode import Sound, Undecodable
from tests.hub.records.making import FORMATS, noise, recording


def heard(path):
    blocks = list(Sound(path).blocks())
    assert [round(block.at * 16_000) for block in blocks] == list(
        np.cumsum([0] + [len(b.samples) for b in blocks[:-1]])
    )
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_length_and_level_of_what_was_recorded(tmp_path, form):
    path = tmp_path / form
    path.write_bytes(recording(form, 3.0))
    samples = heard(path)
    assert len(samples) / 16_000 == pytest.approx(3.0, abs=0.1)
    expected = np.sqrt(np.mean((noise(3.0).mean(axis=0) / 32_768) ** 2))
    # A third of white noise at 48 kHz lies below 8 kHz.
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(expected / np.sqrt(3), rel=0.25)


@pytest.mark.parametrize(("width", "rate", "channels"), [(1, 8000, 1), (2, 16_000, 1), (2, 44_100, 2), (3, 48_000, 2)])
def test_a_wave_file_is_heard_as_the_device_hears_it(tmp_path, width, rate, channels):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.random.default_rng(3).bytes(rate * 2 * width * channels))
    device = np.concatenate([block.samples for block in Recording(path).blocks()])
    hub = heard(path)
    assert len(hub) == len(device)
    assert np.abs(hub - device).max() < 1e-4


def test_a_recording_that_breaks_off_is_heard_up_to_there(tmp_path):
    path = tmp_path / "a.webm"
    whole = recording("webm", 10.0)
    path.write_bytes(whole[: len(whole) // 2])
    assert 3 < len(heard(path)) / 16_000 < 7


@pytest.mark.parametrize(
    "made",
    [
        b"",
        b"no sound at all" * 100,
        b"RIFF\xff\xff\xff\xffWAVE",
        recording("m4a", 2.0)[:200],
        recording("mp3", 1.0)[:30],
    ],
    ids=["empty", "text", "header", "cut m4a", "cut mp3"],
)
def test_what_holds_no_sound_is_refused_with_a_sentence(tmp_path, made):
    path = tmp_path / "a"
    path.write_bytes(made)
    with pytest.raises(Undecodable, match=r"The file holds no sound.*\.$"):
        list(Sound(path).blocks())


def test_a_playlist_reaches_no_other_file(tmp_path):
    (tmp_path / "secret.wav").write_bytes(recording("wav", 1.0))
    path = tmp_path / "a.m3u8"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n")
    with pytest.raises(Undecodable):
        Sound(path)
    path.write_text(f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n")
    with pytest.raises(Undecodable):
        Sound(path)


def test_a_date_of_its_own_is_told_with_its_offset(tmp_path):
    path = tmp_path / "a.m4a"
    out = io.BytesIO(recording("m4a", 1.0))
    path.write_bytes(out.getvalue())
    assert Sound(path).begins() is None

"""Any format that a phone makes becomes the same stream of sound."""

import struct
import time
import wave
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from edge.capture.recording import Recording, UnreadableRecording
from hub.records.decode import Sound, Undecodable
from tests.hub.records.making import FORMATS, Live, noise, recording


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


def wav(path, *, rate=16_000, bits=16, seconds=1.0, chunk=b""):
    """Write silence as a mono WAV, with a chunk of its own before it."""
    data = bytes(int(rate * seconds) * bits // 8)
    told = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + told + chunk + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("rate", [1000, 1_000_000])
def test_the_lowest_and_the_highest_rate_are_heard(tmp_path, rate):
    assert len(heard(wav(tmp_path / "a.wav", rate=rate))) / 16_000 == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rate", [1, 999, 1_000_001])
def test_a_rate_at_which_no_sound_is_recorded_is_refused_as_on_the_device(tmp_path, rate):
    path = wav(tmp_path / "a.wav", rate=rate)
    with pytest.raises(Undecodable, match=rf"a rate of {rate} Hz, at which no sound is recorded\.$"):
        list(Sound(path).blocks())
    with pytest.raises(UnreadableRecording, match=f"a rate of {rate} Hz, at which no sound is recorded"):
        Recording(path)


def test_sound_comes_in_small_pieces_however_long_its_packets_are(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(recording("flac", 10.0, rate=8000, options={"frame_size": "32768"}))
    lengths = [len(block.samples) / 16_000 for block in Sound(path).blocks()]
    assert sum(lengths) == pytest.approx(10.0, abs=0.1)
    assert max(lengths) < 1


def test_samples_of_a_kind_that_is_not_read_are_named(tmp_path):
    with pytest.raises(Undecodable, match=r"a kind that is not read \(s64\).*\.$"):
        list(Sound(wav(tmp_path / "a.wav", bits=64)).blocks())


@pytest.mark.parametrize("form", ["webm", "ogg", "wav"])
def test_the_length_of_what_a_browser_records_is_known_before_it_is_read(tmp_path, form):
    path = tmp_path / form
    path.write_bytes(recording(form, 3.0, out=Live()))
    assert Sound(path).seconds == pytest.approx(3.0, abs=0.1)


def test_the_length_of_a_browser_s_recording_that_breaks_off_is_that_of_what_is_there(tmp_path):
    path = tmp_path / "a.webm"
    whole = recording("webm", 10.0, out=Live())
    path.write_bytes(whole[: len(whole) // 2])
    assert Sound(path).seconds == pytest.approx(len(heard(path)) / 16_000, abs=0.1)


@pytest.fixture
def in_seoul(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        yield timedelta(hours=9)
    time.tzset()


@pytest.mark.parametrize("form", FORMATS)
def test_what_holds_no_date_tells_none(tmp_path, form):
    path = tmp_path / form
    path.write_bytes(recording(form, 1.0))
    assert Sound(path).begins() is None


@pytest.mark.parametrize("form", ["flac", "ogg", "mp3", "m4a"])
def test_a_date_of_its_own_is_told_with_its_offset(tmp_path, form):
    path = tmp_path / form
    path.write_bytes(recording(form, 1.0, date="2026-03-01T14:05:06.250+01:00"))
    assert str(Sound(path).begins()) == "2026-03-01 14:05:06.250000+01:00"


def test_a_date_is_found_however_its_tag_is_written(tmp_path):
    path = tmp_path / "a.ogg"
    with soundfile.SoundFile(path, "w", 16_000, 1, format="OGG") as file:  # writes DATE
        file.date = "2026-03-01T14:05:06+01:00"
        file.write(np.zeros(16_000))
    assert str(Sound(path).begins()) == "2026-03-01 14:05:06+01:00"


@pytest.mark.parametrize("form", ["m4a", "webm"])
def test_a_phone_s_date_is_told_in_the_machine_s_zone(tmp_path, form, in_seoul):
    path = tmp_path / form
    path.write_bytes(recording(form, 1.0, creation_time="2026-03-01T13:05:06.000000Z"))
    found = Sound(path).begins()
    assert (found, found.utcoffset()) == (datetime(2026, 3, 1, 13, 5, 6, tzinfo=UTC), in_seoul)


def test_the_date_of_a_broadcast_wave_is_local_time(tmp_path, in_seoul):
    origin = b"2026-03-0114:05:06"
    bext = bytes(320) + origin + bytes(602 - 320 - len(origin))
    path = wav(tmp_path / "a.wav", chunk=b"bext" + struct.pack("<I", len(bext)) + bext)
    found = Sound(path).begins()
    assert (found, found.utcoffset()) == (datetime(2026, 3, 1, 5, 5, 6, tzinfo=UTC), in_seoul)
    assert found == Recording(path).begins()


@pytest.mark.parametrize("date", ["2026-03-01", "2026", "1970-01-01T00:00:05Z", "soon"])
def test_a_day_alone_and_a_clock_that_was_never_set_are_no_date(tmp_path, date):
    path = tmp_path / "a.flac"
    path.write_bytes(recording("flac", 1.0, date=date))
    assert Sound(path).begins() is None

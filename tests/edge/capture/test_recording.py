"""Recordings of every kind become the same 16 kHz mono stream, and what is broken says so."""

import errno
import os
import struct
import tracemalloc
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
import soundfile

from edge.capture.recording import Recording, UnreadableRecording
from edge.sound import RATE


def tone(seconds, rate, hz=440.0):
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def read(path):
    recording = Recording(path)
    try:
        return list(recording.blocks())
    finally:
        recording.close()


def sound(blocks):
    return np.concatenate([block.samples for block in blocks])


@pytest.mark.parametrize("rate", [0x7FFFFFFF, 1, 999])
def test_a_rate_at_which_no_sound_is_recorded_is_refused_before_it_costs_anything(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.1, RATE), RATE)
    content = bytearray(path.read_bytes())
    content[24:28] = struct.pack("<I", rate)
    path.write_bytes(content)
    with pytest.raises(UnreadableRecording, match=f"tells a rate of {rate} Hz"):
        Recording(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1), (8_000, 2)])
def test_any_format_rate_and_channel_count_becomes_16_khz_mono(tmp_path, suffix, rate, channels):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.column_stack([tone(3, rate)] * channels), rate)
    blocks = read(path)
    heard = sound(blocks)
    assert len(heard) == pytest.approx(3 * RATE, abs=0.1 * RATE)
    spectrum = np.abs(np.fft.rfft(heard[RATE : 2 * RATE]))
    assert int(np.argmax(spectrum)) == 440
    assert np.sqrt(np.mean(heard[RATE : 2 * RATE] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    assert heard.dtype == np.float32


def test_channels_are_mixed_by_their_mean(tmp_path):
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.column_stack([tone(1, RATE), -tone(1, RATE)]), RATE)
    assert np.abs(sound(read(path))).max() < 1e-3


def test_block_times_count_from_the_recordings_first_sample(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(2.3, 44_100), 44_100)
    at = 0
    for block in read(path):
        assert block.at == pytest.approx(at / RATE)
        at += len(block.samples)


def test_closing_a_recording_leaves_the_file_to_the_one_who_reads_it(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(5.0, RATE), RATE)
    recording = Recording(path)
    blocks = recording.blocks()
    next(blocks)
    recording.close()
    assert not recording._file.closed, "another thread may be inside libsndfile"
    assert list(blocks) == []
    assert recording._file.closed


def test_a_recording_that_nobody_reads_is_closed_at_once(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0, RATE), RATE)
    recording = Recording(path)
    recording.close()
    assert recording._file.closed
    assert list(recording.blocks()) == []


def test_what_is_not_a_number_becomes_silence_and_what_is_too_loud_is_clipped(tmp_path):
    path = tmp_path / "a.wav"
    wild = tone(1, RATE)
    wild[100:200], wild[300], wild[400] = np.nan, np.inf, 7.0
    soundfile.write(path, wild, RATE, subtype="FLOAT")
    heard = sound(read(path))
    assert np.isfinite(heard).all()
    assert not heard[100:200].any()
    assert heard.max() == 1.0


def test_damaged_samples_are_silence_and_spoil_nothing_else(tmp_path):
    path = tmp_path / "a.wav"
    whole = tone(2, 44_100)
    wild = whole.copy()
    wild[20_000], wild[20_005] = 3e38, -3e38
    soundfile.write(path, wild, 44_100, subtype="FLOAT")
    heard = sound(read(path))
    soundfile.write(path, whole, 44_100, subtype="FLOAT")
    differs = np.flatnonzero(~(np.abs(heard - sound(read(path))) < 0.001))
    assert len(differs) < 0.02 * RATE
    assert np.abs(heard).max() < 0.5


@pytest.mark.parametrize("broken", [np.nan, np.inf, 3e38])
def test_a_channel_that_is_broken_is_left_out(tmp_path, broken):
    path = tmp_path / "stereo.wav"
    whole = tone(1, RATE)
    soundfile.write(path, np.column_stack([whole, np.full(RATE, broken, np.float32)]), RATE, subtype="FLOAT")
    assert sound(read(path)) == pytest.approx(whole)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
def test_a_recording_is_heard_to_its_last_sample(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.7, rate), rate)
    assert len(sound(read(path))) == pytest.approx(1.7 * RATE, abs=1)


def text_named_wav(path):
    path.write_text("this is no sound at all\n" * 50)


def empty(path):
    path.write_bytes(b"")


def folder(path):
    path.mkdir()


def half_a_header(path):
    soundfile.write(path, tone(1, RATE), RATE)
    path.write_bytes(path.read_bytes()[:20])


def header_without_sound(path):
    soundfile.write(path, tone(0, RATE), RATE)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (text_named_wav, "holds no sound that can be read"),
        (empty, "is empty"),
        (folder, "is not a file"),
        (half_a_header, "holds no sound"),
        (header_without_sound, "holds no sound"),
        (str, "there is no such file"),
    ],
)
def test_a_file_without_sound_gets_one_sentence_that_names_it(tmp_path, make, says):
    path = tmp_path / "broken.wav"
    make(path)
    with pytest.raises(UnreadableRecording, match=says) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_path_that_cannot_be_looked_at_gets_one_sentence_that_names_it(tmp_path):
    path = tmp_path / ("x" * 300)
    with pytest.raises(UnreadableRecording, match="cannot be looked at: File name too long"):
        read(path)


def test_a_file_that_may_not_be_read_is_told_as_such(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1, RATE), RATE)
    path.chmod(0)
    if os.geteuid() == 0:  # root may read everything

        def refuse(*_args, **_kwargs):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(UnreadableRecording) as caught:
        read(path)
    assert str(caught.value) == f"{path}: cannot be opened: Permission denied"


def test_a_flac_whose_header_tells_no_length_is_read_whole_and_counted(tmp_path):
    path = tmp_path / "streamed.flac"
    soundfile.write(path, tone(3, RATE), RATE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)  # the samples in all, as an encoder leaves them that writes to a pipe
    path.write_bytes(content)
    recording = Recording(path)
    assert recording.seconds == 3
    assert sum(len(block.samples) for block in recording.blocks()) == 3 * RATE


@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_what_stands_before_the_fault_of_a_cut_off_recording_is_read(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    soundfile.write(path, tone(10, RATE), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording, blocks = Recording(path), []
    with pytest.raises(UnreadableRecording, match=r"(cut off|damaged).*; read up to \d\.\d s$"):
        blocks.extend(recording.blocks())
    recording.close()
    assert 3 * RATE < len(sound(blocks)) < 6 * RATE


def test_a_cut_off_ogg_is_read_up_to_its_last_whole_page(tmp_path):
    path = tmp_path / "cut.ogg"
    soundfile.write(path, np.random.default_rng(1).standard_normal(10 * RATE) * 0.1, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert len(sound(read(path))) > 3 * RATE


def test_memory_does_not_grow_with_the_length(tmp_path):
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 44_100, 2) as file:
        for _ in range(300):
            file.write(np.zeros((44_100, 2), np.float32))
    recording = Recording(path)
    tracemalloc.start()
    count = sum(len(block.samples) for block in recording.blocks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    recording.close()
    assert count == pytest.approx(300 * RATE, abs=RATE)
    assert peak < 2e6


def broadcast_wave(path, date, time):
    bext = b"\0" * 320 + date.encode() + time.encode() + b"\0" * 264
    samples = (tone(1, RATE) * 32767).astype("<i2").tobytes()
    chunks = b"bext" + struct.pack("<I", len(bext)) + bext
    chunks += b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    chunks += b"data" + struct.pack("<I", len(samples)) + samples
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def test_a_broadcast_wave_tells_when_it_began(tmp_path):
    path = tmp_path / "b.wav"
    broadcast_wave(path, "2026-05-22", "09:32:10")
    recording = Recording(path)
    assert recording.begins() == datetime(2026, 5, 22, 9, 32, 10).astimezone()
    assert recording.seconds == 1.0
    recording.close()


def test_a_tag_with_date_and_time_tells_when_it_began(tmp_path):
    path = tmp_path / "t.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.date = "2026-05-22T09:32:10+09:00"
        file.write(tone(1, RATE))
    recording = Recording(path)
    assert recording.begins() == datetime(2026, 5, 22, 9, 32, 10, tzinfo=timezone(timedelta(hours=9)))
    recording.close()


def test_random_bytes_give_a_sentence_and_never_a_traceback(tmp_path):
    random = np.random.default_rng(2)
    heads = [b"", b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS", b"ID3", b"\xff\xfb\x90\x00"]
    for number in range(60):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(heads[number % len(heads)] + random.bytes(int(random.integers(1, 3000))))
        try:
            recording = Recording(path)
        except UnreadableRecording:
            continue
        try:
            recording.begins()
            for block in recording.blocks():
                assert np.isfinite(block.samples).all()
        except UnreadableRecording:
            pass
        finally:
            recording.close()

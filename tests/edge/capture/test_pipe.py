"""Raw PCM on a pipe."""

import math
import os
import threading

import numpy as np
import pytest

from edge.capture.pipe import _BLOCK_BYTES, Pipe
from edge.sound import RATE


def through_a_pipe(payload, pieces):
    reader, writer = os.pipe()

    def write():
        with os.fdopen(writer, "wb", buffering=0) as out:
            for start in range(0, len(payload), pieces):
                out.write(payload[start : start + pieces])

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        blocks = list(Pipe(stream, clock=lambda: 50.0).blocks())
    thread.join()
    return blocks


def test_samples_come_through_whatever_pieces_they_are_written_in():
    samples = np.arange(-3000, 3001, dtype="<i2")
    blocks = through_a_pipe(samples.tobytes(), 777)
    heard = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(heard, samples.astype(np.float32) / 32768)


def test_half_a_sample_at_the_end_is_left_out():
    blocks = through_a_pipe(b"\x01\x00\x02", 3)
    assert [len(block.samples) for block in blocks] == [1]


def test_block_times_follow_the_audio_clock():
    blocks = through_a_pipe(bytes(2 * RATE), 4000)
    at = blocks[0].at
    assert at == 50.0 - len(blocks[0].samples) / RATE
    for block in blocks:
        assert abs(block.at - at) < 1e-9
        at += len(block.samples) / RATE


class Writer:
    """Silence, given in pieces of `size` bytes; `due` says from when on sound that ends after so many seconds waits."""

    def __init__(self, seconds, due, size=_BLOCK_BYTES):
        self.now, self._due, self._size = 0.0, due, size
        self._given, self._whole = 0, int(seconds * 2 * RATE)

    def read(self, size):
        read = min(size, self._size, self._whole - self._given)
        self._given += read
        self.now = max(self.now, self._due(self._given / (2 * RATE)))
        return bytes(read)

    def told(self):
        """Give (seconds of sound up to the block's end, time told for that end, time of its arrival)."""
        blocks, ends = [], 0.0
        for block in Pipe(self, lambda: self.now).blocks():
            ends += len(block.samples) / RATE
            blocks.append((ends, block.at + len(block.samples) / RATE, self.now))
        return np.array(blocks).T


def test_where_the_writer_stalls_the_times_go_on_with_the_clock():
    _, told, arrived = Writer(5, lambda ends: 100 + ends + 3 * (ends > 0.2)).told()
    assert np.abs(told - arrived)[:4].max() < 0.1
    assert np.abs(told - arrived)[-40:].max() < 0.1, "two seconds after it, that is certain"


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_writer_whose_crystal_is_off_is_followed(ppm):
    _, told, arrived = Writer(1800, lambda ends: 100 + ends / (1 + ppm * 1e-6)).told()
    assert np.abs(told - arrived).max() < 0.01


def test_sound_that_waited_in_a_full_pipe_makes_the_times_late_for_a_minute_at_most():
    ends, told, _ = Writer(90, lambda ends: 100 + max(0.0, ends - 65_536 / (2 * RATE))).told()
    assert np.abs(told - (100 + ends - 65_536 / (2 * RATE)))[ends > 60].max() < 0.01


def test_sound_that_comes_in_bursts_is_told_by_the_end_of_each():
    ends, told, _ = Writer(180, lambda ends: 100 + math.ceil(ends)).told()
    assert np.abs(told - (100 + ends))[ends > 120].max() < 0.1


@pytest.mark.parametrize("times", [2.5, 30])
def test_a_recording_that_comes_faster_than_it_was_heard_counts_by_its_samples(times):
    ends, told, _ = Writer(600, lambda ends: 100 + ends / times).told()
    assert np.ptp(told - ends) < 1e-6


def test_time_never_goes_back_however_small_the_pieces_are():
    _, told, _ = Writer(20, lambda ends: 100 + max(0.0, ends - 2), size=33).told()
    assert np.diff(told).min() > 0
    assert told[0] - told[-1] + 20 > 0.1, "the clock was pulled back meanwhile"


def test_a_closed_pipe_ends():
    pipe = Pipe(open(os.devnull, "rb"))  # noqa: SIM115, PTH123
    pipe._stream.close()
    pipe.close()
    assert list(pipe.blocks()) == []

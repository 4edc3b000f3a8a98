"""Raw PCM on a pipe."""

import os
import threading

import numpy as np

from edge.capture.pipe import Pipe
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


def test_where_the_writer_stalls_the_times_go_on_with_the_clock():
    class Stalling:
        """Twenty blocks a second, of which the fifth comes three seconds late."""

        now, read_before = 100.0, 0

        def read(self, size):
            self.read_before += 1
            self.now += 3.05 if self.read_before == 5 else 0.05
            return bytes(size) if self.read_before <= 100 else b""

    stream = Stalling()
    blocks = [(block.at + len(block.samples) / RATE, stream.now) for block in Pipe(stream, lambda: stream.now).blocks()]
    assert all(abs(ends - now) < 0.1 for ends, now in blocks[:4])
    assert all(abs(ends - now) < 0.1 for ends, now in blocks[-40:]), "two seconds after it, that is certain"


def test_a_closed_pipe_ends():
    pipe = Pipe(open(os.devnull, "rb"))  # noqa: SIM115, PTH123
    pipe._stream.close()
    pipe.close()
    assert list(pipe.blocks()) == []

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.records.ring import Ring
from edge.sound import RATE, Block


def ramp(first, n):
    """Samples that tell which they are."""
    return ((np.arange(first, first + n) % 30_000) / 32_767).astype(np.float32)


def filled(ring, lengths, at=100.0):
    first = 0
    for n in lengths:
        ring.hear(Block(ramp(first, n), at + first / RATE))
        first += n
    return first


@given(
    lengths=st.lists(st.integers(1, 4000), min_size=1, max_size=40),
    seconds=st.floats(0.05, 3),
    begin=st.floats(-0.5, 6),
    long=st.floats(0, 3),
)
def test_a_cut_is_the_sound_of_its_span_as_far_as_it_is_here(lengths, seconds, begin, long):
    ring = Ring(seconds)
    heard = filled(ring, lengths)
    at, cut = ring.cut(100 + begin, 100 + begin + long)
    first = round((at - 100) * RATE)
    assert np.array_equal(cut, np.arange(first, first + len(cut)) % 30_000)
    wanted_first, wanted_last = max(0, heard - round(seconds * RATE), round(begin * RATE)), round((begin + long) * RATE)
    wanted = max(0, min(heard, wanted_last) - wanted_first)
    assert len(cut) >= wanted - 1, "nothing that should be here is missing"
    assert len(cut) <= long * RATE + 1


def test_sound_that_was_lost_is_silence_so_that_time_stays_right():
    ring = Ring(10)
    ring.hear(Block(np.full(RATE, 0.5, np.float32), 0.0))
    ring.hear(Block(np.full(RATE, 0.25, np.float32), 2.0))
    begin, cut = ring.cut(0.5, 2.5)
    assert begin == 0.5
    assert np.abs(cut - np.repeat([16384, 0, 8192], [RATE // 2, RATE, RATE // 2])).max() <= 1


def test_it_holds_little_more_than_its_seconds_and_can_forget():
    ring = Ring(1)
    filled(ring, [800] * 1000)
    assert len(ring.cut(0, 1000)[1]) <= RATE + 800
    ring.clear()
    assert len(ring.cut(0, 1000)[1]) == 0
    assert ring.end == float("-inf")

"""Whether a voice rises out of a room full of voices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.room import FULL, SPAN_S, STANDS_OUT, Room

STEP_S = 0.03
WHOLE = round(SPAN_S / STEP_S)


def crowd(powers, far=1.0):
    made = Room(STEP_S)
    made.hear([(power, far) for power in powers])
    return made


@pytest.mark.parametrize(("times", "leaves"), [(1.01, True), (0.99, False)])
def test_a_voice_leaves_a_crowd_by_being_so_much_louder(times, leaves):
    assert crowd([1.0] * WHOLE + [STANDS_OUT * times] * 8).is_left_by(8) is leaves


def test_the_mean_over_the_voice_decides_and_not_its_loudest_frame():
    assert not crowd([1.0] * WHOLE + [1.0] * 7 + [9.0]).is_left_by(8)


@pytest.mark.parametrize(("far", "leaves"), [(FULL * 0.99, True), (FULL * 1.01, False)])
def test_where_no_others_are_heard_a_voice_may_be_as_soft_as_it_is(far, leaves):
    assert crowd([1.0] * WHOLE, far).is_left_by(8) is leaves


def test_a_room_that_is_hardly_known_holds_no_voice():
    assert crowd([1.0] * (WHOLE // 2 - 1)).is_left_by(8)
    assert not crowd([1.0] * (WHOLE // 2)).is_left_by(8)


def test_what_was_long_ago_is_forgotten():
    assert crowd([100.0] * 500 + [1.0] * WHOLE + [5.0] * 8).is_left_by(8)


def test_a_near_voice_that_goes_on_and_on_does_not_close_the_room_behind_it():
    made = crowd([1.0] * WHOLE)
    made.hear([(9.0, 0.0)] * WHOLE)
    assert made.is_left_by(8)


@given(st.lists(st.floats(1e-6, 1.0), min_size=WHOLE, max_size=2 * WHOLE), st.floats(1e-3, 1e3))
def test_only_the_ratio_counts_and_not_the_level(powers, gain):
    times = sum(powers[-8:]) / 8 / sorted(powers[-WHOLE:])[WHOLE // 4]
    near_the_edge = abs(times / STANDS_OUT - 1) < 1e-9
    assert near_the_edge or crowd(powers).is_left_by(8) == crowd([power * gain for power in powers]).is_left_by(8)

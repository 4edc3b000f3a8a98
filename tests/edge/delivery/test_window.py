"""How much of a backlog a device has under way."""

import heapq

from hypothesis import given
from hypothesis import strategies as st

from edge.delivery.window import FIRST, LEAST, MOST, Window


@given(st.lists(st.one_of(st.floats(0, 100), st.none(), st.just("anew"))))
def test_a_window_keeps_its_bounds_whatever_comes(told):
    window = Window()
    for each in told:
        if each == "anew":
            window.begin()
            assert window.size <= FIRST
        elif each is None:
            window.unanswered()
        else:
            window.answered(each)
        assert LEAST <= window.size <= MOST


def test_it_doubles_with_every_round_of_soon_answers():
    window, rounds = Window(), 0
    while window.size < MOST:
        for _ in range(window.size):
            window.answered(0.1)
        rounds += 1
    assert rounds == 8


def test_it_narrows_by_late_answers_and_halves_when_none_comes():
    window = Window()
    for _ in range(96):
        window.answered(0.1)
    window.answered(3.0)
    assert window.size == 100
    window.answered(5.0)
    assert window.size == 99
    window.unanswered()
    assert window.size == 49


def test_a_fleet_that_comes_back_at_once_holds_no_more_under_way_than_is_answered_in_a_few_seconds():
    """A hub that takes 1000 a second, in turn; 2000 devices with 50 moments each, which send as their windows allow."""
    windows, left = [Window() for _ in range(2000)], [50] * 2000
    queue, under_way, most, answered_at = [], [0] * 2000, 0, 0.0

    def send(device, now):
        nonlocal answered_at
        while left[device] and under_way[device] < windows[device].size:
            answered_at = max(answered_at, now) + 0.001
            heapq.heappush(queue, (answered_at, now, device))
            left[device] -= 1
            under_way[device] += 1

    for device in range(2000):
        send(device, 0.0)
    while queue:
        most = max(most, len(queue))
        now, sent, device = heapq.heappop(queue)
        under_way[device] -= 1
        windows[device].answered(now - sent)
        send(device, now)
    assert sum(left) == 0
    assert most <= 2000 * FIRST + 2000

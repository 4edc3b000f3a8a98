"""The audio clock, held to the monotonic one."""

import numpy as np
import pytest

from edge.capture.audio_clock import AudioClock

BUFFER = 0.05


def run(seconds, ppm=0.0, jitter=0.0, lost_at=None, lost_s=0.0):
    """Give (true time, told time) of the begin of each buffer."""
    clock, random = AudioClock(), np.random.default_rng(1)
    pairs, true = [], 500.0
    for number in range(int(seconds / BUFFER)):
        if lost_at is not None and number == int(lost_at / BUFFER):
            true += lost_s
        begins = true
        true += BUFFER * (1 + ppm * 1e-6)
        clock.hear((number + 1) * BUFFER, true + jitter * random.random())
        pairs.append((begins, clock.at(number * BUFFER)))
    return np.array(pairs)


def test_a_steady_clock_is_followed_exactly():
    pairs = run(60)
    assert np.abs(pairs[:, 0] - pairs[:, 1]).max() < 1e-6


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_crystal_that_is_off_is_followed_for_hours(ppm):
    pairs = run(3 * 3600, ppm=ppm)
    assert np.abs(pairs[:, 0] - pairs[:, 1]).max() < 0.01


def test_jitter_of_the_arrival_does_not_show_and_time_never_goes_back():
    pairs = run(600, jitter=0.04)
    assert np.abs(pairs[200:, 1] - pairs[200:, 0]).max() < 0.02
    assert np.diff(pairs[:, 1]) == pytest.approx(BUFFER, abs=0.002)


@pytest.mark.parametrize("late", [0.2, 1.0])
def test_first_buffers_that_come_in_a_burst_make_the_times_late_for_two_seconds_at_most(late):
    clock, told = AudioClock(), []
    for number in range(200):
        end = (number + 1) * BUFFER
        clock.hear(end, max(end, late))
        told.append(clock.at(number * BUFFER))
    assert np.abs(np.array(told) - BUFFER * np.arange(200))[int(2 / BUFFER) :].max() < 0.05
    assert np.diff(told).min() > 0


def test_lost_sound_moves_the_clock_within_two_seconds():
    error = np.abs(np.subtract(*run(60, lost_at=30, lost_s=1.5).T))
    assert error[: int(30 / BUFFER)].max() < 0.01
    assert error[int(32.1 / BUFFER) :].max() < 0.01


def test_a_machine_that_is_busy_for_a_second_loses_no_sound():
    clock, told = AudioClock(), []
    for number in range(200):
        end = (number + 1) * BUFFER
        clock.hear(end, max(end, 6.0) if end > 5.0 else end)
        told.append(clock.at(number * BUFFER))
    assert np.diff(told) == pytest.approx(BUFFER, abs=0.003)


def test_nothing_is_told_before_a_buffer_was_heard():
    with pytest.raises(RuntimeError):
        AudioClock().at(0.0)

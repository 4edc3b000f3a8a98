"""How chaos comes to its verdict, with notes that were made up."""

from datetime import UTC, datetime

import pytest

from bench.chaos import verdict
from bench.chaos.faults import Fault
from bench.chaos.sounds import Spoken
from bench.chaos.verdict import Span
from bench.chaos.witness import Holding

UNIX_AT_0 = 1_779_440_000.0


def stamped(name, begin, seconds, shift=0.0, basis="scene"):
    start = datetime.fromtimestamp(UNIX_AT_0 + begin + shift, UTC).isoformat()
    return {"id": name, "start": start, "seconds": seconds, "basis": basis}


def test_a_moment_is_put_where_its_sound_was_whatever_the_clock_said():
    moments = [stamped("b", 20, 5, shift=-86_400.0), stamped("a", 10, 5), stamped("c", 30, 5, shift=3600.0)]
    kept = {"a": 16.0, "b": 26.0, "c": 36.0}
    found = verdict.spans(moments, kept, [0.0, 3600.0, -86_400.0], UNIX_AT_0)
    assert [(round(span.begin), round(span.end)) for span in found] == [(10, 15), (20, 25), (30, 35)]


def test_a_mark_and_a_moment_that_was_not_seen_are_no_sound():
    moments = [stamped("mark", 10, 0, basis="none"), stamped("unseen", 10, 5)]
    assert verdict.spans(moments, {"mark": 11.0}, [0.0], UNIX_AT_0) == []


@pytest.mark.parametrize(("back", "expected"), [(12.0, 0.0), (16.0, 4.0), (30.0, None)])
def test_deaf_lasts_from_the_microphones_return_to_the_next_sound_in_a_moment(back, expected):
    assert verdict.deaf_s([Span(10, 15, "scene"), Span(20, 25, "scene")], back) == expected


def test_sound_in_two_moments_counts_as_stored_twice_and_a_joint_does_not():
    heard = [Span(0, 5, "scene"), Span(4.95, 8, "speech"), Span(6, 7, "scene"), Span(8, 9, "scene")]
    assert verdict.overlaps(heard) == 1


def test_a_voice_near_a_fault_that_deafens_does_not_count_and_one_near_another_fault_does():
    heard = [Span(0, 200, "scene")]
    spoken = [Spoken(10, 12), Spoken(50, 52), Spoken(100, 102)]
    faults = [Fault("microphone unplugged", 8, 9), Fault("network cut", 50, 51), Fault("device killed", 120, 121)]
    assert verdict.in_healthy_times(spoken, faults, heard) == [Spoken(50, 52), Spoken(100, 102)]


def test_a_voice_is_heard_when_speech_holds_half_of_it():
    heard = [Span(10, 11, "speech"), Span(11, 14, "scene")]
    assert verdict.was_heard(Spoken(10, 12), heard)
    assert not verdict.was_heard(Spoken(10, 14), heard)


def test_growth_in_a_life_is_a_leak_and_what_its_first_moments_needed_is_none():
    def look(files, threads):
        return Holding(("socket",) * files, threads)

    grown = [look(10, 5), look(12, 5), look(11, 5), look(12, 6), look(14, 7)]
    short = [look(1, 1), look(50, 50)]
    assert verdict.leaked({1: grown, 2: short}) == (2, 2)


def test_a_fault_of_the_microphone_in_which_the_device_was_killed_too_tells_nothing_of_its_ears():
    heard = [Span(20, 30, "scene"), Span(52, 60, "scene")]
    faults = [
        Fault("microphone unplugged", 10, 15),
        Fault("device killed", 14, 16),
        Fault("sound server killed", 48, 50),
    ]
    assert verdict.longest_deaf_s(heard, faults) == [2.0]


def test_a_kill_before_anything_was_told_leaves_the_devices_own_word_for_how_long_it_was_deaf():
    heard = [Span(0, 9, "scene"), Span(28, 40, "scene")]
    unplugged, kill = Fault("microphone unplugged", 9, 11, well=12.5), Fault("device killed", 17, 18)
    assert verdict.longest_deaf_s(heard, [unplugged, kill]) == [1.5]
    unsaid = Fault("microphone unplugged", 9, 11)
    late = Fault("microphone unplugged", 9, 11, well=20)
    assert verdict.longest_deaf_s(heard, [unsaid, kill]) == [17]
    assert verdict.longest_deaf_s(heard, [late, kill]) == [17]
    assert verdict.longest_deaf_s(heard, [unplugged]) == [17]

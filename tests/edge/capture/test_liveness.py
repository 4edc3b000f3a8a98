"""The liveness state machine: what it notices, when it opens anew, and what always holds."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.capture.liveness import BACK_OFF_S, FAILED_S, RATE_DRIFT, SETTLE_S, TOO_SLOW, TRIES, Liveness, State
from edge.sound import RATE, Block


def block(kind, seconds=0.1):
    count = round(seconds * RATE)
    samples = {
        "sound": np.sin(np.arange(count) * 0.1) * 0.1,
        "zeros": np.zeros(count),
        "stuck": np.full(count, 0.25),
        "clipping": np.sign(np.sin(np.arange(count) * 0.1)),
    }[kind]
    return Block(samples.astype(np.float32), 0.0)


def hear(live, kind, seconds, now, step=0.1):
    """Hear one kind of sound for a while in real time; give the time after."""
    for _ in range(round(seconds / step)):
        now += step
        live.hear(block(kind, step), now)
        live.tick(now)
    return now


def test_sound_keeps_it_healthy():
    live = Liveness(0.0)
    hear(live, "sound", 100, 0.0)
    assert (live.state, live.reason) == (State.HEALTHY, None)


@pytest.mark.parametrize(
    ("kind", "suspect", "reopens"), [("zeros", 31, 301), ("stuck", 1.5, 5.5), ("clipping", 10.5, None)]
)
def test_a_fault_that_lasts_makes_suspect_and_then_opens_anew(kind, suspect, reopens):
    live = Liveness(0.0)
    now = hear(live, kind, suspect, 0.0)
    assert live.state is State.SUSPECT
    assert live.reason
    assert not live.due(now)
    now = hear(live, kind, (reopens or 400) - suspect, now)
    assert live.state is (State.RECOVERING if reopens else State.SUSPECT)
    assert live.due(now) is bool(reopens)


@pytest.mark.parametrize(("known", "reopens"), [(RATE_DRIFT, True), (TOO_SLOW, False)])
def test_a_fault_that_only_the_source_knows_is_told_and_mended_where_opening_anew_helps(known, reopens):
    live, now = Liveness(0.0), 0.0
    for _ in range(610):
        now += 0.1
        live.hear(block("sound"), now, known)
        if now < 59:
            assert (live.state, live.reason) == (State.SUSPECT, known.reason)
    assert live.deaf is reopens


def test_a_fault_that_passes_changes_nothing():
    live = Liveness(0.0)
    now = hear(live, "sound", 1, 0.0)
    now = hear(live, "zeros", 20, now)
    hear(live, "sound", 1, now)
    assert live.state is State.HEALTHY


def test_no_sound_at_all_opens_anew_within_three_seconds():
    live = Liveness(0.0)
    now = hear(live, "sound", 5, 0.0)
    live.tick(now + 1)
    assert live.state is State.SUSPECT
    live.tick(now + 2.1)
    assert live.state is State.RECOVERING
    assert live.due(now + 2.1)


def test_a_lost_source_is_opened_anew_at_once_and_then_with_back_off():
    live = Liveness(0.0)
    live.lost("unplugged", 10.0)
    assert live.due(10.0)
    waits, now = [], 10.0
    for _ in range(23):
        live.opening(now)
        live.lost("still unplugged", now)
        waits.append(live.wait_s(now))
        now += live.wait_s(now)
        assert live.due(now)
    assert waits == [*BACK_OFF_S[1:], *[BACK_OFF_S[-1]] * 16, *[FAILED_S] * 3]
    assert live.state is State.FAILED
    assert live.reason == "still unplugged"


def test_it_fails_after_twenty_openings_in_vain_and_goes_on_trying():
    live = Liveness(0.0)
    live.lost("unplugged", 0.0)
    for number in range(1, TRIES + 3):
        live.opening(100.0 * number)
        live.lost("unplugged", 100.0 * number)
        assert live.state is (State.FAILED if number > TRIES else State.RECOVERING)
        assert live.due(100.0 * number + 30)


def test_a_second_of_good_sound_heals_from_everything():
    for tries in (1, 25):
        live, now = Liveness(0.0), 0.0
        live.lost("unplugged", 0.0)
        for _ in range(tries):
            now += 40
            live.opening(now)
        hear(live, "sound", 1.1, now)
        assert (live.state, live.reason) == (State.HEALTHY, None)


def test_a_source_that_was_opened_gets_time_to_give_sound():
    live = Liveness(0.0)
    live.lost("unplugged", 0.0)
    live.opening(0.0)
    assert not live.due(SETTLE_S - 0.1)
    assert live.due(SETTLE_S)


def test_sound_that_is_too_loud_is_not_deafness():
    live = Liveness(0.0)
    live.lost("unplugged", 0.0)
    live.opening(0.0)
    hear(live, "clipping", 1.5, 0.0)
    assert live.state is State.SUSPECT
    assert "loud" in live.reason


class Machine(RuleBasedStateMachine):
    """Any sound, loss and opening in any order and pace."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.live = Liveness(0.0)
        self.was = (State.HEALTHY, 0.0)

    def step(self):
        state, since = self.was
        if self.live.state is not state:
            allowed = {
                State.HEALTHY: {State.SUSPECT, State.RECOVERING},
                State.SUSPECT: {State.HEALTHY, State.RECOVERING},
                State.RECOVERING: {State.HEALTHY, State.SUSPECT, State.FAILED},
                State.FAILED: {State.HEALTHY, State.SUSPECT},
            }[state]
            assert self.live.state in allowed, f"{state} → {self.live.state}"
            assert self.live.since >= since
        self.was = (self.live.state, self.live.since)

    @rule(kind=st.sampled_from(["sound", "sound", "zeros", "stuck", "clipping"]), seconds=st.floats(0.05, 3))
    def sound_comes(self, kind, seconds):
        self.now += seconds
        self.live.hear(block(kind, seconds), self.now)
        self.step()

    @rule(seconds=st.floats(0, 400))
    def time_goes_by(self, seconds):
        self.now += seconds
        self.live.tick(self.now)
        self.step()
        if seconds > 1:
            assert self.live.state is not State.HEALTHY

    @rule()
    def the_source_is_lost(self):
        self.live.lost("lost", self.now)
        self.step()
        assert self.live.deaf

    @rule(comes=st.booleans())
    def what_is_due_is_done(self, comes):
        if not self.live.due(self.now):
            return
        self.live.opening(self.now)
        assert not self.live.due(self.now)
        self.step()
        if comes:
            for _ in range(11):
                self.now += 0.1
                self.live.hear(block("sound"), self.now)
                self.live.tick(self.now)
                self.step()
            assert self.live.state is State.HEALTHY

    @invariant()
    def deaf_ears_are_opened_anew_within_half_a_minute(self):
        assert self.live.wait_s(self.now) <= 30
        assert not self.live.deaf or self.live.due(self.now + 30.001)
        assert self.live.deaf or not self.live.due(self.now + 1e9)

    @invariant()
    def every_trouble_has_a_reason(self):
        assert (self.live.state is State.HEALTHY) == (self.live.reason is None)


TestLiveness = Machine.TestCase
TestLiveness.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

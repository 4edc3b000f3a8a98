"""Ears that heal, with made-up microphones and a clock that the test moves."""

import threading

import numpy as np
import pytest

from edge.capture.ears import DriverHangs, Ears
from edge.capture.liveness import State
from edge.capture.microphone import MicrophoneLost, NoMicrophone
from edge.sound import RATE, Block


class Scripted:
    """A microphone that does as it is told: `sound` seconds, then `end`."""

    def __init__(self, world, seconds, end=None, kind="sound"):
        self.world, self.seconds, self.end, self.kind = world, seconds, end, kind
        self.closed, self.lost_s, self.fault = 0, 0.5, None

    def blocks(self):
        for _ in range(round(self.seconds * 10)):
            if self.closed:
                return
            self.world.now += 0.1
            value = np.sin(np.arange(RATE // 10) * 0.1) if self.kind == "sound" else np.full(RATE // 10, 0.3)
            yield Block(value.astype(np.float32) * 0.1, self.world.now - 0.1)
        if self.end is not None:
            raise self.end

    def close(self):
        self.closed += 1


class World:
    def __init__(self, *script):
        self.now, self.script, self.opened, self.waits = 1000.0, list(script), [], []
        self.ears = Ears(self.open, clock=lambda: self.now, wait=self.wait)

    def open(self):
        if not self.script:
            self.ears.close()
            raise NoMicrophone("the script is over")
        what = self.script.pop(0)
        if isinstance(what, Exception):
            raise what
        source = Scripted(self, *what) if isinstance(what, tuple) else Scripted(self, what)
        self.opened.append(source)
        return source

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
        return False


def test_a_lost_microphone_is_opened_anew_and_heard_again():
    world = World((2, MicrophoneLost("gone")), 3)
    heard = sum(len(block.samples) for block in world.ears.blocks()) / RATE
    assert heard == 5
    assert world.ears.reopened >= 1
    assert world.waits[0] == 0
    assert all(source.closed for source in world.opened)
    assert world.ears.lost_s == 1.0, "what both have lost"


def test_a_microphone_that_stays_away_is_tried_with_back_off_until_it_comes():
    world = World((1, MicrophoneLost("gone")), *[NoMicrophone("none")] * 22, 3)
    states = [world.ears.liveness.state for _ in world.ears.blocks()]
    assert world.waits[:6] == [0, 0.5, 1, 2, 3, 3]
    assert world.waits[21:23] == [30, 30]
    assert State.FAILED in states
    assert states[-1] is State.HEALTHY


def test_a_microphone_that_is_missing_at_the_start_is_waited_for():
    world = World(NoMicrophone("none"), 2)
    assert len(list(world.ears.blocks())) == 20


def test_after_many_openings_in_vain_a_new_process_is_asked_for(monkeypatch):
    monkeypatch.setattr("edge.capture.ears.OPENINGS", 25)
    world = World(*[NoMicrophone("none")] * 30)
    with pytest.raises(DriverHangs, match="25 times"):
        list(world.ears.blocks())
    assert len(world.script) == 4, "the first and 25 more"


def test_a_microphone_that_is_heard_is_not_ended_for_how_often_it_was_opened(monkeypatch):
    monkeypatch.setattr("edge.capture.ears.OPENINGS", 2)
    world = World(NoMicrophone("none"), NoMicrophone("none"), 60)
    blocks = world.ears.blocks()
    assert len([next(blocks) for _ in range(600)]) == 600


def test_a_stuck_microphone_is_opened_anew_while_it_still_gives_blocks():
    world = World((60, None, "stuck"), 2)
    list(world.ears.blocks())
    assert world.opened[0].closed
    assert len(world.opened) == 2
    assert world.now - 1000 < 15


def test_each_change_of_state_is_logged_once_with_its_reason(caplog):
    caplog.set_level("INFO")
    world = World((2, MicrophoneLost("the cable is out")), *[NoMicrophone("none")] * 3, 3)
    list(world.ears.blocks())
    told = [(record.getMessage(), record.reason) for record in caplog.records if record.name == "edge.capture.ears"]
    assert told[:2] == [("the ears are recovering", "the cable is out"), ("the ears are healthy", "-")]


def test_closing_from_another_thread_ends_the_wait():
    def nothing():
        raise NoMicrophone("none")

    ears = Ears(nothing)
    ears.liveness.lost("none", 0.0)
    thread = threading.Thread(target=lambda: list(ears.blocks()))
    thread.start()
    ears.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_driver_that_never_comes_back_from_opening_is_left_behind(monkeypatch):
    monkeypatch.setattr("edge.capture.ears.OPENS_WITHIN_S", 0.05)
    released = threading.Event()
    try:
        with pytest.raises(DriverHangs):
            next(Ears(released.wait).blocks())
    finally:
        released.set()

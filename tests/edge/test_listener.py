import os
import sys
import threading
import time
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from edge import listener as listeners
from edge.clock import Clock
from edge.config import Config
from edge.listener import Listener
from edge.pipeline import Pipeline
from edge.records.recorder import Recorder, Span
from edge.sound import RATE, Block
from moments.errors import WorkError
from tests.edge.making import NOON
from tests.edge.parts import FakeDetector, FakeScenes, FakeSpeech, pipeline, scene, silence, voice
from tests.edge.test_moment import by_satellites, told_s
from tests.parts import wait_until


class Microphone:
    """A microphone that hears one utterance after the other, in real time."""

    opened = 0

    def __init__(self, _name=None):
        type(self).opened += 1
        self.closed, self.lost_s, self.fault = False, 0.0, None

    def blocks(self):
        sound = np.concatenate([voice(0.8), silence(1.2) + 1e-4])
        at = time.monotonic()
        while not self.closed:
            for begin in range(0, len(sound), RATE // 5):
                if self.closed:
                    return
                part = sound[begin : begin + RATE // 5]
                yield Block(part, at)
                at += len(part) / RATE
                time.sleep(0.02)

    def close(self):
        self.closed = True


@pytest.fixture
def listening(monkeypatch):
    monkeypatch.setattr("edge.capture.microphone.Microphone", Microphone)
    monkeypatch.setattr(Microphone, "opened", 0)
    speech = FakeSpeech()
    monkeypatch.setattr(Pipeline, "load", lambda _, **options: pipeline(**options | {"speech": speech}))
    started = []

    def go(source="microphone", paused=lambda: False, **more):
        kept = []
        listener = Listener(
            Config(source=source, device="d"),
            more.pop("clock", Clock()),
            paused,
            lambda *given: kept.append(given),
            **more,
        )
        listener.load()
        listener.start()
        started.append(listener)
        return listener, kept

    go.speech = speech
    yield go
    for each in started:
        each.close()


def test_what_a_microphone_hears_is_given_with_its_time(listening):
    begun = time.time()
    listener, kept = listening()
    wait_until(lambda: len(kept) >= 2)
    draft, when = kept[0]
    assert draft.basis == "speech"
    assert abs(when.start.timestamp() - begun) < 5
    assert not listener.deaf
    assert listener.models["speech"] == "speech-0@fake"
    assert listener.ears_health()["state"] in {"healthy", "suspect"}
    assert -60 < listener.take_level() < 0
    listener.close()
    listener.take_level()
    assert listener.take_level() is None, "nothing was heard since"


def test_what_is_heard_has_an_id_of_the_time_that_satellites_tell(listening):
    _, kept = listening(clock=by_satellites(NOON.timestamp()))
    wait_until(lambda: kept)
    assert told_s(kept[0][0].id) == pytest.approx(NOON.timestamp(), abs=30)


@pytest.fixture
def read_by_rules(monkeypatch):
    """What the device's own rules say of a minute of a scene at that hour, with such settings."""
    monkeypatch.setattr("edge.gate.detector.load", FakeDetector)
    monkeypatch.setattr("edge.models.speech.SpeechReader.load", FakeSpeech)
    monkeypatch.setattr("edge.models.scenes.SceneReader.load", FakeScenes)

    def go(label, hour, **settings):
        kept = []
        then = datetime(2026, 5, 22, hour).timestamp()  # noqa: DTZ001 (local, as the rules ask)
        clock = Clock(wall=lambda: then, known=lambda: True)
        listener = Listener(
            Config(device="d", **settings), clock, lambda: False, lambda draft, _: kept.append(draft.rule.id)
        )
        listener.load()
        at = time.monotonic()
        for number, part in enumerate(np.split(scene(label, 60), 60)):
            listener._hear(Block(part, at + number))
        listener.close()
        return set(kept)

    return go


def test_rules_ask_the_hour_and_the_loudness_of_the_device(read_by_rules):
    assert read_by_rules("street", hour=12) == {"street"}
    assert read_by_rules("street", hour=23) == {"street-night"}
    assert read_by_rules("street", hour=12, capture={"spl_at_0dbfs": 100}) == {"street-loud-spl"}


def test_silence_is_what_the_settings_say(read_by_rules):
    assert read_by_rules("rain", hour=12) == {"rain"}
    assert read_by_rules("rain", hour=12, gate={"silence_dbfs": -30}) == set()


def test_a_pause_closes_the_microphone_and_gives_what_was_heard_before(listening):
    paused = []
    listener, kept = listening(paused=lambda: bool(paused))
    wait_until(lambda: kept)
    paused.append(True)
    wait_until(lambda: listener._source is None)
    assert not listener.deaf
    before = len(kept)
    time.sleep(0.5)
    assert len(kept) == before
    assert Microphone.opened == 1
    paused.clear()
    wait_until(lambda: len(kept) > before)
    assert Microphone.opened == 2


def test_a_pause_gives_what_was_heard_before_it_though_no_more_sound_comes(listening):
    listener, kept = listening(paused=lambda: True)
    at = time.monotonic()
    for part in np.split(np.concatenate([silence(1) + 1e-4, voice(1)]), 20):
        listener._hear(Block(part, at))
        at += len(part) / RATE
    assert kept == []
    listener.tick(time.monotonic())
    assert len(kept) == 1
    listener.tick(time.monotonic())
    assert len(kept) == 1


def test_an_unplugged_microphone_holds_nothing_back(listening, monkeypatch):
    class Unplugged(Microphone):
        def __init__(self, _name=None):
            super().__init__()
            if self.opened > 1:
                raise WorkError("there is no microphone")

        def blocks(self):
            at = time.monotonic()
            for part in np.split(np.concatenate([silence(1) + 1e-4, voice(1)]), 20):
                yield Block(part, at)
                at += len(part) / RATE

    monkeypatch.setattr("edge.capture.microphone.Microphone", Unplugged)
    listener, kept = listening()
    wait_until(lambda: listener.deaf)
    assert kept == []
    wait_until(lambda: listener.tick(time.monotonic()) or kept)


def test_a_pipe_that_stalls_is_deaf_and_holds_nothing_back(listening, monkeypatch):
    monkeypatch.setattr(listeners, "_STALL_S", 0.3)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as end, os.fdopen(writer, "wb", buffering=0) as sound:
        monkeypatch.setattr(sys, "stdin", end)
        listener, kept = listening("pipe:-")
        heard = np.concatenate([silence(1) + 1e-4, voice(1)])
        sound.write((heard * 32767).astype("<i2").tobytes())
        wait_until(lambda: listener.deaf)
        assert kept == []
        listener.tick(time.monotonic())
        assert len(kept) == 1
        assert listener.ears_health() == {"reason": "no sound comes"}
        listener.take_level()
        assert listener.take_level() is None
        sound.write(bytes(3200))
        wait_until(lambda: not listener.deaf)
        assert listener.ears_health() == {}
    assert listener.ended.wait(5)
    assert not listener.deaf, "it is over"


def test_what_was_heard_before_a_suspend_is_ended_by_it(listening):
    slept = [0.0]
    clock = Clock(since_boot=lambda: time.monotonic() + slept[0])
    listener, kept = listening(paused=lambda: True, clock=clock)
    at = time.monotonic()
    for part in np.split(np.concatenate([silence(1) + 1e-4, voice(1)]), 20):
        listener._hear(Block(part, at))
        at += len(part) / RATE
    assert kept == []
    slept[0] = 9 * 3600
    listener._hear(Block(silence(0.1) + 1e-4, at))
    assert len(kept) == 1


def test_what_is_heard_first_after_a_suspend_has_the_time_of_then_and_belongs_to_no_record_of_before(listening):
    slept, hushed = [0.0], []
    clock = Clock(since_boot=lambda: time.monotonic() + slept[0], wall=lambda: time.monotonic() + slept[0])
    recorder = SimpleNamespace(hear=lambda _: None, hush=hushed.append, lock=threading.RLock())
    listener, kept = listening(paused=lambda: True, clock=clock, recorder=recorder)
    at = time.monotonic()
    listener._hear(Block(silence(1) + 1e-4, at))
    slept[0], woke = 7200.0, at + 1
    at = woke
    for part in np.split(np.concatenate([silence(1) + 1e-4, voice(1), silence(2) + 1e-4]), 40):
        listener._hear(Block(part, at))
        at += len(part) / RATE
    clock.look()
    listener.close()
    assert hushed == [woke]
    began = [when.start.timestamp() - 7200 for _, when in kept]
    assert began
    assert min(began) == pytest.approx(woke + 1, abs=0.5)


def test_a_mark_that_comes_after_a_suspend_and_before_any_sound_is_of_what_follows_alone(listening):
    slept, belongs = [0.0], []
    clock = Clock(since_boot=lambda: time.monotonic() + slept[0])
    recorder = Recorder(
        Span(clips=False, ordinary=False, before_s=20, after_s=10), None, None, attach=None, unix=lambda at: at
    )
    listener, kept = listening(paused=lambda: True, clock=clock, recorder=recorder)

    def hears(at, *sound):
        for part in np.split(np.concatenate(sound), 20):
            listener._hear(Block(part, at))
            at += len(part) / RATE
        belongs[:] = [recorder.belongs(draft.id, draft.at, draft.at + draft.seconds).record for draft, _ in kept]
        return at

    at = hears(time.monotonic(), silence(1) + 1e-4, voice(1))
    before = recorder.mark(at, "m0").record
    for pressed in (at + 1, at + 2):  # twice, and no sound between
        slept[0] = 7200.0
        listener.part_records(pressed)
        after = recorder.mark(pressed, "m1").record
    at = hears(at + 3, silence(1) + 1e-4, voice(1))
    hears(at, silence(2) + 1e-4)
    assert belongs == [before, after]


def test_a_block_that_hangs_in_the_pipeline_counts_as_stuck(listening, monkeypatch):
    monkeypatch.setattr(listeners, "_STUCK_S", 0.2)
    hang = [True]

    def read(_samples):
        while hang:
            time.sleep(0.01)
        raise ZeroDivisionError

    listening.speech.read = read
    listener, _ = listening()
    wait_until(lambda: listener.stuck(time.monotonic()))
    hang.clear()
    assert listener.ended.wait(5)
    assert isinstance(listener.failure, WorkError)


def test_a_model_that_hangs_on_what_was_heard_before_a_pause_counts_as_stuck(listening, monkeypatch):
    monkeypatch.setattr(listeners, "_STUCK_S", 0.2)
    hang = [True]

    def flush():
        while hang:
            time.sleep(0.01)
        return []

    paused = []
    listener, _ = listening(paused=lambda: bool(paused))
    wait_until(lambda: not listener._flushed)
    monkeypatch.setattr(listener._pipeline, "flush", flush)
    paused.append(True)
    wait_until(lambda: listener.stuck(time.monotonic()))
    hang.clear()
    wait_until(lambda: not listener.stuck(time.monotonic()))


def test_what_was_heard_and_is_no_moment_yet_is_forgotten_where_it_began_in_the_span(listening):
    listener, kept = listening(paused=lambda: True)
    now = time.time()
    for begin, end in [(float("-inf"), float("inf")), (now - 60, now + 60), (now - 60, now - 30)]:
        at = time.monotonic()
        for part in np.split(np.concatenate([silence(1) + 1e-4, voice(1)]), 20):
            listener._hear(Block(part, at))
            at += len(part) / RATE
        assert kept == [], "it is not certain yet"
        listener.forget(begin, end)
    assert len(kept) == 1
    listener.close()
    assert len(kept) == 1


def test_what_cannot_be_forgotten_is_refused(listening, monkeypatch):
    monkeypatch.setattr(listeners, "_FORGET_S", 0.05)
    listener, _ = listening(paused=lambda: True)
    with listener._turn, pytest.raises(TimeoutError, match="a model hangs"):
        listener.forget(0, 1)


def test_a_recording_ends_by_itself_and_is_dated_before_its_end(listening, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([voice(1.0), silence(3.0)]), RATE)
    clock = Clock(known=lambda: False)
    listener, kept = listening(f"file:{path}", clock=clock)
    assert listener.ended.wait(5)
    listener.close()
    ((_, when),) = kept
    assert when.start.timestamp() == pytest.approx(path.stat().st_mtime - 4, abs=0.3)
    assert when.clock == "synced", "a recording's time does not wait for the device's"


def test_a_recording_that_is_not_there_is_refused_at_once(listening, tmp_path):
    with pytest.raises(WorkError, match=r"none\.wav"):
        listening(f"file:{tmp_path / 'none.wav'}")


def test_a_microphone_without_pyaudio_is_refused_at_once(monkeypatch):
    from edge.capture.microphone import NoMicrophone, need_pyaudio

    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(NoMicrophone, match="needs PyAudio and PortAudio"):
        need_pyaudio()

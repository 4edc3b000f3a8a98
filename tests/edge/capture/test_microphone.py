"""The microphone: its choice by name, and the whole way through a real PulseAudio, ALSA's plug-in and PyAudio."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from edge.capture import microphone as microphones
from edge.capture.identity import stable_name
from edge.capture.liveness import RATE_DRIFT, TOO_SLOW
from edge.capture.microphone import Device, Microphone, MicrophoneLost, NoMicrophone, choose
from tests.parts import wait_until
from tests.pulse import RATE

INPUTS = [
    Device(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 44_100),
    Device(3, "USB Audio Device: - (hw:2,0)", 1, 48_000),
    Device(5, "USB Audio Device Pro: - (hw:3,0)", 1, 48_000),
]


def test_a_part_of_the_name_in_any_case_chooses_a_microphone():
    assert choose(INPUTS, "usb audio").index == 3
    assert choose(INPUTS, "pro").index == 5


def test_a_whole_name_goes_before_a_part_of_one():
    assert choose([INPUTS[2], INPUTS[1]], "USB Audio Device: -").index == 3


def test_a_renumbered_card_keeps_its_name():
    assert stable_name("USB Audio Device: - (hw:7,0)") == stable_name(INPUTS[1].name)
    assert choose(INPUTS, "USB Audio Device: - (hw:7,0)").index == 3


def test_a_missing_microphone_lists_those_that_there_are():
    with pytest.raises(NoMicrophone, match="no microphone is called “Blue Yeti”; there are: “HDA Intel PCH") as caught:
        choose(INPUTS, "Blue Yeti")
    assert "USB Audio Device Pro" in str(caught.value)


def test_without_any_microphone_the_list_says_so():
    with pytest.raises(NoMicrophone, match="there are: none"):
        choose([], "usb")


class Driver:
    """A PortAudio that gives what the test says, over its callback."""

    def __init__(self):
        self.callback = None

    def get_default_input_device_info(self):
        return {"index": 0, "name": "a driver", "maxInputChannels": 1, "defaultSampleRate": 16_000.0}

    def open(self, *, stream_callback, **_):
        self.callback = stream_callback
        return self

    def gives(self, samples, status=0):
        self.callback(np.asarray(samples, np.float32).tobytes(), len(samples), None, status)

    def close(self):
        pass

    terminate = close


@pytest.fixture
def driver(monkeypatch):
    pytest.importorskip("pyaudio")
    made = Driver()
    monkeypatch.setattr(microphones, "_portaudio", lambda: made)
    return made


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 3e38])
def test_a_driver_that_gives_garbage_is_a_microphone_that_is_lost(driver, garbage):
    microphone = Microphone()
    driver.gives(np.full(1600, 0.1))
    driver.gives(np.where(np.arange(1600) % 10, 0.1, garbage))
    blocks = microphone.blocks()
    assert np.isfinite(next(blocks).samples).all()
    with pytest.raises(MicrophoneLost, match="no numbers"):
        next(blocks)
    microphone.close()


def test_values_beyond_full_scale_are_taken_as_full_scale(driver):
    microphone = Microphone()
    driver.gives([3e5, -7.0, 0.5])
    assert next(microphone.blocks()).samples.tolist() == [1.0, -1.0, 0.5]
    microphone.close()


class Now:
    """A clock that the test moves."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(microphones.time, "monotonic", lambda: self.now)


@pytest.fixture
def now(monkeypatch):
    return Now(monkeypatch)


def test_a_processor_that_is_too_slow_is_no_wrong_rate_and_what_it_loses_is_counted(driver, now):
    microphone = Microphone()
    blocks = microphone.blocks()
    for second in range(1, 200):
        for _ in range(12):
            now.now += 1 / 12
            driver.gives(np.full(1333, 0.1))
        for _ in range(11 if second > 1 else 12):
            next(blocks)
        if second < 100:
            assert microphone.fault is None, "the queue holds what was not taken"
    assert microphone.fault is TOO_SLOW
    assert microphone.lost_s == pytest.approx(199 - 10 - 199 * 11 / 12, abs=2)
    now.now += 40
    assert microphone.fault is None
    microphone.close()


@pytest.mark.parametrize(("rate", "off"), [(15_000, True), (15_990, False), (17_000, True)])
def test_samples_that_come_at_another_rate_than_the_driver_says_are_told(driver, now, rate, off):
    microphone = Microphone()
    blocks = microphone.blocks()
    for _ in range(32 * 10):
        now.now += 1600 / rate
        driver.gives(np.full(1600, 0.1))
        next(blocks)
    assert microphone.fault is (RATE_DRIFT if off else None)
    microphone.close()


def test_sound_that_the_driver_lost_is_no_wrong_rate(driver, now):
    microphone = Microphone()
    blocks = microphone.blocks()
    for number in range(40 * 10):
        lost = number % 50 == 49
        now.now += 0.1 + lost
        driver.gives(np.full(1600, 0.1), int(lost) * pyaudio_overflow())
        next(blocks)
        assert microphone.fault is None
    assert microphone.overflows == 8
    microphone.close()


def pyaudio_overflow():
    import pyaudio

    return pyaudio.paInputOverflow


RECORD = """
import json, sys, time, threading
import numpy as np
from edge.capture.microphone import Microphone, MicrophoneLost
microphone = Microphone("default")
print(json.dumps({"open": time.monotonic()}), flush=True)
threading.Timer(float(sys.argv[1]), microphone.close).start()
heard, jumps, due = [], 0, None
try:
    for block in microphone.blocks():
        jumps += due is not None and abs(block.at - due) > 0.02
        due = block.at + len(block.samples) / 16000
        heard.append(block.samples)
        last, late = block.at, time.monotonic() - due
    ended = "closed"
except MicrophoneLost as error:
    ended = str(error)
    microphone.close()
for thread in threading.enumerate():
    if thread.name == "close-microphone":
        thread.join(10)
threads = [t.name for t in threading.enumerate() if t.name == "close-microphone"]
sound = np.concatenate(heard)
np.save(sys.argv[2], sound)
print(json.dumps({"jumps": jumps, "late": late, "ended": ended, "threads": threads, "overflows": microphone.overflows}))
"""


def record(pulse, seconds, to):
    return subprocess.Popen(
        [sys.executable, "-c", RECORD, str(seconds), str(to)],
        env=pulse.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.needs("pulseaudio")
def test_what_is_played_into_the_source_is_heard_sample_by_sample(pulse, tmp_path):
    with record(pulse, 6, tmp_path / "heard.npy") as process:
        json.loads(process.stdout.readline())
        random = np.random.default_rng(3)
        sound = np.clip(random.standard_normal(2 * RATE) * 0.1, -1, 1)
        pulse.play(np.concatenate([np.zeros(RATE), sound]))
        report = json.loads(process.stdout.readline())
        errors = process.stderr.read()
    heard = np.load(tmp_path / "heard.npy")
    begins = int(np.argmax(np.abs(heard) > 1e-3))
    found = heard[begins - 50 : begins + len(sound) + 50]
    lag = int(np.argmax(np.correlate(found, sound[:4000].astype(np.float32), "valid")))
    assert np.abs(found[lag : lag + len(sound)] - sound).max() < 1e-3
    assert report["jumps"] == 0
    assert report["ended"] == "closed"
    assert report["threads"] == []
    assert -0.05 < report["late"] < 0.5
    assert "Traceback" not in errors
    assert "ALSA lib" not in errors


@pytest.mark.slow
@pytest.mark.needs("pulseaudio")
def test_an_unplugged_microphone_is_noticed_within_three_seconds(pulse, tmp_path):
    with record(pulse, 30, tmp_path / "heard.npy") as process:
        json.loads(process.stdout.readline())
        pulse.play(np.full(RATE // 2, 0.1))
        wait_until(lambda: not pulse._queue)
        pulse.unplug()
        report = json.loads(process.stdout.readline())
        process.kill()
    assert "gave no sound" in report["ended"]


HEAL = """
import time
import numpy as np
from edge.capture.ears import Ears
from edge.capture.microphone import Microphone
ears = Ears(lambda: Microphone("default"))
heard = 0
for block in ears.blocks():
    if float(np.abs(block.samples).max()) > 0.05 and ears.reopened >= heard:
        heard = ears.reopened + 1
        print(time.monotonic(), ears.reopened, flush=True)
        if ears.reopened:
            break
ears.close()
"""


@pytest.mark.slow
@pytest.mark.needs("pulseaudio")
@pytest.mark.timeout(60)
def test_a_microphone_that_is_plugged_in_again_is_heard_within_five_seconds(pulse, tmp_path):
    with (tmp_path / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", HEAL], env=pulse.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        pulse.play(np.full(10 * RATE, 0.2))
        assert process.stdout.readline().split()[1] == "0"
        pulse.unplug()
        time.sleep(4)
        pulse.plug_in()
        plugged = time.monotonic()
        pulse.play(np.full(20 * RATE, 0.2))
        at, reopened = process.stdout.readline().split()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    assert float(at) - plugged < 5
    assert int(reopened) >= 1
    assert len((tmp_path / "errors.txt").read_text().splitlines()) < 10

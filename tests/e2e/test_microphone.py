"""From a real microphone path to the hub: PulseAudio, ALSA's plug-in, PyAudio, the device, mosquitto, the hub."""

import time
from datetime import datetime

import numpy as np
import pytest

from moodscape.demo.synth import rain, voice
from tests.e2e.processes import kill, moodscape, settings
from tests.parts import wait_until

SENTENCE = "Good morning! What a beautiful day it is. I am so happy to see you."


@pytest.fixture
def device(tmp_path, mosquitto, pulse):
    """A device that listens to the microphone, as its own log says."""
    log = tmp_path / "device.log"
    values = settings(
        source="microphone", device="pocket-1", broker__port=mosquitto.port, outbox__path=tmp_path / "outbox.db"
    )
    running = moodscape("edge", "run", *values, log=log, env=pulse.environment)
    try:
        wait_until(lambda: "listening" in log.read_text(), 30)
        yield running
    finally:
        kill(running)


@pytest.mark.slow
@pytest.mark.needs("pulseaudio", "espeak-ng", "mosquitto")
@pytest.mark.timeout(120)
def test_what_is_played_is_in_the_hub_within_3_s_of_the_segments_end(hub, device, pulse):
    assert device.poll() is None
    rng = np.random.default_rng(3)
    for _ in range(3):
        pulse.play(np.zeros(16_000, np.float32))
        pulse.play(voice(SENTENCE, "en-us", pitch=70, speed=180, gain=0.5))
        pulse.play(np.zeros(16_000, np.float32))
    left_s = pulse.play(rain(rng, 8.0)) + pulse.play(np.zeros(32_000, np.float32))
    arrived: dict[str, float] = {}
    found: dict[str, dict] = {}

    def all_heard() -> bool:
        for moment in hub.moments():
            found[moment["id"]] = moment
            arrived.setdefault(moment["id"], time.time())
        bases = [moment["basis"] for moment in found.values()]
        return bases.count("speech") >= 3 and "scene" in bases

    wait_until(all_heard, left_s + 20, step=0.1)
    for name, moment in found.items():
        assert moment["device"] == "pocket-1"
        end = datetime.fromisoformat(moment["start"]).timestamp() + moment["seconds"]
        assert arrived[name] - end <= 3.0, moment

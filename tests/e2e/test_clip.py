"""A mark's sound, from the microphone to the hub: in memory, on the shelf, over HTTP, and gone from the device."""

import base64
import hashlib
import io
import subprocess
import urllib.request

import numpy as np
import pytest
import soundfile

from tests.e2e.processes import COMMAND, kill, moodscape, settings
from tests.parts import free_port, wait_until

RATE = 16_000


@pytest.mark.slow
@pytest.mark.needs("mosquitto")
def test_a_mark_with_clips_on_reaches_the_hub_with_its_sound_and_leaves_none_behind(tmp_path, mosquitto, hub):
    key = tmp_path / "clips.key"
    key.write_bytes(base64.b64encode(bytes(range(32))))
    state = tmp_path / "device"
    chosen = settings(source="pipe:-", device="pocket-1", broker__port=mosquitto.port, gps__port=free_port())
    chosen += settings(outbox__path=state / "outbox.db", clips__enabled="true", clips__before_s=120, clips__after_s=2)
    chosen += settings(clips__hub=hub.url, clips__key_file=key)
    log = tmp_path / "device.log"
    device = moodscape("edge", "run", *chosen, log=log, stdin=subprocess.PIPE)
    try:
        # A pipe may be ahead of time: whenever the mark comes, the sound around it is in the ring.
        noise = np.random.default_rng(8).integers(-2000, 2000, 60 * RATE).astype("<i2")
        wait_until(lambda: "listening" in log.read_text(), 20)
        device.stdin.write(noise.tobytes())
        mark = [*COMMAND, "edge", "mark", "--note", "the rain stopped", *chosen]
        record = subprocess.run(mark, capture_output=True, text=True, check=True).stdout.strip()

        found = wait_until(lambda: [m for m in hub.moments() if m["record"] == record and m["basis"] == "none"], 20)
        clip = found[0]["clip"]
        assert (found[0]["origin"], clip["media_type"]) == ("mark", "audio/flac")
        wait_until(lambda: not list((state / "clips").glob("*.clip")), 20)
        with urllib.request.urlopen(f"{hub.url}/api/clips/{clip['sha256']}", timeout=10) as answer:
            sound = answer.read()
        assert hashlib.sha256(sound).hexdigest() == clip["sha256"]
        samples, rate = soundfile.read(io.BytesIO(sound), dtype="int16")
        assert rate == RATE
        assert len(samples) / RATE == pytest.approx(clip["seconds"], abs=0.001)
        assert 2 < clip["seconds"] <= 60
        begin = _where(noise, samples)
        assert np.array_equal(samples, noise[begin : begin + len(samples)]), "what was heard, to the sample"
        assert found[0]["note"] == hub.get(f"/api/records/{record}")["note"] == "the rain stopped"
        assert hub.get(f"/api/records/{record}")["clip"]["sha256"] == clip["sha256"]
    finally:
        kill(device)


def _where(noise, samples):
    """Find the place in the noise that begins like the samples."""
    windows = np.lib.stride_tricks.sliding_window_view(noise, 16)
    return int(np.flatnonzero((windows == samples[:16]).all(axis=1))[0])

"""What the loops of the peers share: sound in from a recording or, as it comes, from a pipe; words out with paho."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import soundfile
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

RATE = 16_000
ENCODER, PROBE = "encoder.onnx", "probe.npz"
"""What `bench.peers.probe` writes."""


def blocks(source: str, samples: int) -> Iterator[NDArray[np.float32]]:
    """Give float32 [samples] at 16 kHz of a mono recording, or of s16le on standard input when `source` is "-".

    What is left at the end and fills no block is dropped.
    """
    if source != "-":
        with soundfile.SoundFile(source) as sound:
            for block in sound.blocks(samples, dtype="float32"):
                if len(block) == samples:
                    yield block
        return
    while len(raw := sys.stdin.buffer.read(2 * samples)) == 2 * samples:
        yield np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768)


class Teller:
    """Publishes what was heard at QoS 1 to `peer/heard`, as a short script does: nothing is kept or repeated."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._last = self._client.publish("peer/here", "", qos=1)

    def tell(self, **said: Any) -> None:
        """Publish one thing."""
        self._last = self._client.publish("peer/heard", json.dumps(said), qos=1)

    def close(self) -> None:
        """Leave when the broker has it all."""
        self._last.wait_for_publish(10)
        self._client.disconnect()
        self._client.loop_stop()

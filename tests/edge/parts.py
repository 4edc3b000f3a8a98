"""Stand-ins for detector and readers, simple enough to say what they will answer.

The detector calls a tone of 300 Hz speech, near when it is loud. The scene reader names surroundings by their level,
so that a test can write the scenes it wants; the speech reader is sure of happiness above a pitch it never checks.
"""

import numpy as np

from edge.gate.detector import Decision, Thresholds
from edge.models.rules import Ruling
from edge.models.scenes import SceneReading
from edge.pipeline import Pipeline
from edge.sound import RATE, level_dbfs
from moments import EMOTIONS, Rule

STEP = 0.03
_STEP_SAMPLES = round(STEP * RATE)
SCENES = {"quiet": -50.0, "rain": -40.0, "cafe": -30.0, "street": -20.0, "alarm": -10.0}
"""Scene to the level of the noise that stands for it, in dBFS."""


class FakeDetector:
    name = "gate-0@fake"
    step_s = STEP
    wants = 1
    thresholds = {"speech": Thresholds(0.5, 0.35), "near": Thresholds(0.5, 0.35)}  # noqa: RUF012

    def __init__(self):
        self.reset()

    def reset(self):
        self._rest, self._steps = np.zeros(0, np.float32), 0

    def feed(self, samples):
        self._rest = np.concatenate([self._rest, samples])
        out = []
        while len(self._rest) >= _STEP_SAMPLES:
            step, self._rest = self._rest[:_STEP_SAMPLES], self._rest[_STEP_SAMPLES:]
            phase = np.exp(-2j * np.pi * 300 * np.arange(len(step)) / RATE)
            tone = abs(np.vdot(phase, step)) / len(step) / (np.sqrt(np.mean(step**2)) + 1e-9)
            loud = float(np.sqrt(np.mean(step**2)) > 0.1)
            speech = float(tone > 0.6)
            out.append(Decision((self._steps + 0.5) * STEP, speech, speech * loud))
            self._steps += 1
        return out


class FakeSpeech:
    name = "speech-0@fake"
    unclear_below = 0.4

    def __init__(self, confidence=0.72):
        self.confidence = confidence
        self.asked = []

    def read(self, samples):
        self.asked.append(len(samples) / RATE)
        rest = (1 - self.confidence) / 7
        return {label: self.confidence if label == "happiness" else rest for label in EMOTIONS}


class FakeScenes:
    name = "scene-0@fake"

    def __init__(self):
        self.asked = []

    def read(self, samples):
        self.asked.append(len(samples) / RATE)
        level = level_dbfs(samples)
        label = min(SCENES, key=lambda name: abs(SCENES[name] - level))
        shares = {name: 0.8 if name == label else 0.2 / (len(SCENES) - 1) for name in SCENES}
        return SceneReading(shares=shares, label=label, group="group", confidence=0.8)


class FakeRules:
    version = "7"

    def __init__(self):
        self.asked = []

    def apply(self, reading, level, hour, *, median_dbfs, spl_at_0dbfs, seconds):
        self.asked.append(
            {"level": level, "hour": hour, "median_dbfs": median_dbfs, "spl": spl_at_0dbfs, "seconds": seconds}
        )
        emotions = {label: float(label == "calm") for label in EMOTIONS}
        return Ruling("calm", 1.0, emotions, 0.6, -0.55, Rule(id=reading.label, because="it is made up"))


def pipeline(**options):
    return Pipeline(
        FakeDetector(),
        options.pop("speech", None) or FakeSpeech(),
        options.pop("scenes", FakeScenes()),
        options.pop("rules", FakeRules()),
        sudden=["alarm"],
        **options,
    )


def scene(label, seconds):
    return (np.random.default_rng(4).standard_normal(round(seconds * RATE)) * 10 ** (SCENES[label] / 20)).astype(
        np.float32
    )


def voice(seconds, loudness=0.3):
    return (loudness * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)

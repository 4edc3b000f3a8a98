"""What the microphone hears: faint rain all the time, and a voice every few seconds. When each voice was is noted."""

import itertools
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from edge.sound import RATE, Samples
from moodscape.demo.synth import rain, voice
from tests.pulse import Pulse

SENTENCES = (
    ("Good morning! What a beautiful day it is.", 80, 190),
    ("Stop that! I told you not to do this again.", 35, 210),
    ("I miss the way it was. Nothing feels the same.", 20, 140),
)
_BEFORE_S, _AFTER_S = 2.0, 1.5
_AHEAD_S = 0.15


@dataclass(frozen=True)
class Spoken:
    """A voice that was played, in monotonic seconds."""

    begin: float
    end: float


def _pieces() -> list[tuple[Samples, float, float]]:
    """Give pieces of sound, each with begin and end of its voice in seconds."""
    rng = np.random.default_rng(5)
    made = []
    for text, pitch, speed in SENTENCES:
        spoken = voice(text, "en-us", pitch=pitch, speed=speed, gain=0.5)
        loud = np.flatnonzero(np.abs(spoken) > 0.02)
        spoken = spoken[loud[0] : loud[-1]]
        seconds = len(spoken) / RATE
        sound = 0.03 * rain(rng, _BEFORE_S + seconds + _AFTER_S)
        begin = int(_BEFORE_S * RATE)
        sound[begin : begin + len(spoken)] += spoken
        made.append((sound, _BEFORE_S, _BEFORE_S + seconds))
    return made


@dataclass
class Sounds:
    """Plays into the microphone until closed; `spoken` holds the voices that were played to their end."""

    pulse: Pulse
    spoken: list[Spoken] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Sounds":
        """Begin to play."""
        self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop after the piece that plays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(15)

    def _run(self) -> None:
        for sound, begin, end in itertools.cycle(_pieces()):
            begins = time.monotonic() + self.pulse.left_s
            self.pulse.play(sound)
            while self.pulse.left_s > _AHEAD_S:
                if self._stop.wait(0.02):
                    return
            if time.monotonic() - begins < len(sound) / RATE + 0.3:  # else something held it up
                self.spoken.append(Spoken(begins + begin, begins + end))

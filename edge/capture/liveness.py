"""Whether the device still hears, and when it is time to open the microphone anew. Pure: the caller tells the time.

| state | means | leaves it |
|---|---|---|
| healthy | sound comes and looks like sound | → suspect: a fault lasts; → recovering: the source is lost |
| suspect | a fault lasts, opening anew is not yet worth the gap | → healthy: a second without fault; → recovering |
| recovering | deaf; the source is opened anew, with back-off | → healthy (suspect if too loud); → failed: 20 in vain |
| failed | deaf, and opening anew did not help; tried on each 30 s | → healthy |
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from edge.sound import RATE, Block

GOOD_S: Final = 1.0
"""Seconds of faultless sound that make it healthy again."""
TRIES: Final = 20
"""Openings in vain, a minute of them, before it counts as failed."""
BACK_OFF_S: Final = (0.0, 0.5, 1.0, 2.0, 3.0)
"""Wait before each opening while recovering, the last for all that follow: what is plugged in is soon heard."""
FAILED_S: Final = 30.0
"""Wait before each opening once it failed."""
SETTLE_S: Final = 3.0
"""Seconds that a source gets after its opening to give sound: PulseAudio may take two."""
_CLIPPED: Final = 0.999
_CLIPPED_SHARE: Final = 0.1


class State(StrEnum):
    """How the ears are."""

    HEALTHY = "healthy"
    SUSPECT = "suspect"
    RECOVERING = "recovering"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: how long it may last before it makes suspect, and before the source is opened anew (None: never)."""

    reason: str
    suspect_after_s: float
    reopen_after_s: float | None


NO_SOUND: Final = Fault("no sound comes", 0.5, 2.0)
ZEROS: Final = Fault("digital silence: is it muted?", 30.0, 300.0)
STUCK: Final = Fault("one value again and again", 1.0, 5.0)
CLIPPING: Final = Fault("too loud: lower the gain", 10.0, None)
RATE_DRIFT: Final = Fault("the sample rate is not what the driver says", 0.0, 60.0)
TOO_SLOW: Final = Fault("the processor is too slow: sound is lost", 0.0, None)


def look(block: Block) -> Fault | None:
    """Tell what is wrong with a block on its own."""
    samples = block.samples
    lowest, highest = float(samples.min()), float(samples.max())
    if lowest == highest:
        return ZEROS if lowest == 0 else STUCK
    if max(highest, -lowest) >= _CLIPPED and float(np.mean(np.abs(samples) >= _CLIPPED)) > _CLIPPED_SHARE:
        return CLIPPING
    return None


class Liveness:
    """The state machine. Times are monotonic seconds and never go back."""

    def __init__(self, now: float) -> None:
        self.state = State.HEALTHY
        self.reason: str | None = None
        self.since = now
        self._fault: Fault | None = None
        self._fault_since = now
        self._good_s = 0.0
        self._last_sound = now
        self._opened = now
        self._tries = 0
        self._next_try = now

    @property
    def deaf(self) -> bool:
        """Tell whether nothing is heard until the source is opened anew."""
        return self.state in {State.RECOVERING, State.FAILED}

    def hear(self, block: Block, now: float, known: Fault | None = None) -> None:
        """Take note of a block that came at `now`; `known`: the fault that its source knows of itself."""
        seconds = len(block.samples) / RATE
        self._last_sound = now
        fault = look(block) or known
        if fault is not None:
            self._notice(fault, now)
        else:
            self._fault = None
        if fault is not None and fault.reopen_after_s is not None:
            self._good_s = 0.0
            return
        self._good_s += seconds
        if self._good_s >= GOOD_S and (self.deaf or (self.state is State.SUSPECT and fault is None)):
            self._tries = 0
            self._become(State.SUSPECT if fault else State.HEALTHY, fault.reason if fault else None, now)

    def tick(self, now: float) -> None:
        """Take note that time went by, as far as no block did."""
        if now - max(self._last_sound, self._opened) >= NO_SOUND.suspect_after_s and not self.deaf:
            self._good_s = 0.0
            self._notice(NO_SOUND, now, since=max(self._last_sound, self._opened))

    def lost(self, reason: str, now: float) -> None:
        """Take note that the source ended or could not be opened."""
        self._good_s = 0.0
        if not self.deaf:
            self._recover(reason, now)
        else:
            self.reason = reason
            self._next_try = min(self._next_try, now + self._back_off())

    def due(self, now: float) -> bool:
        """Tell whether the source is to be opened anew."""
        return self.deaf and now >= self._next_try

    def opening(self, now: float) -> None:
        """Take note that the source is opened anew."""
        self._tries += 1
        self._opened = self._last_sound = now
        self._good_s = 0.0
        self._fault = None
        if self._tries > TRIES and self.state is State.RECOVERING:
            self._become(State.FAILED, self.reason, now)
        self._next_try = now + max(SETTLE_S, self._back_off())

    def wait_s(self, now: float) -> float:
        """Give the seconds until the next opening is due."""
        return max(0.0, self._next_try - now) if self.deaf else 0.0

    def _back_off(self) -> float:
        if self.state is State.FAILED:
            return FAILED_S
        return BACK_OFF_S[min(self._tries, len(BACK_OFF_S) - 1)]

    def _notice(self, fault: Fault, now: float, since: float | None = None) -> None:
        if self._fault is not fault:
            self._fault, self._fault_since = fault, now if since is None else since
        lasted = now - self._fault_since
        if self.state is State.HEALTHY and lasted >= fault.suspect_after_s:
            self._become(State.SUSPECT, fault.reason, now)
        if self.state is State.SUSPECT and fault.reopen_after_s is not None and lasted >= fault.reopen_after_s:
            self._recover(fault.reason, now)

    def _recover(self, reason: str, now: float) -> None:
        self._next_try = now + self._back_off()
        self._become(State.RECOVERING, reason, now)

    def _become(self, state: State, reason: str | None, now: float) -> None:
        self.state, self.reason, self.since = state, reason, now

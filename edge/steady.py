"""Makes one moment of a scene that goes on, instead of a flood of windows that waver.

Windows that follow one another without a gap form a run with one label. Each votes for its own, and a vote fades with
time; when the votes speak for another label by a margin, the run changes, from the window where that fits best. A
clean change takes three windows. Each change of the last half hour doubles what the next one takes, so that
a scene that wavers all day settles for what prevails.

A run gives its first stretch after 15 s and then one every five minutes. A sudden sound, such as breaking glass, is a
stretch of its own at once, unless it was heard in the last ten minutes. Whatever ends a run (speech, silence, the end)
gives what is left of it, so that every window is in exactly one stretch.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Final

import numpy as np

from edge.models.scenes import SceneReading
from edge.sound import SILENCE_DBFS
from moments import UNCLEAR

FIRST_S: Final = 15.0
NEXT_S: Final = 300.0
MEMORY_S: Final = 60.0
"""After a gap of this length nothing that was heard before counts."""
_FADE_S: Final = 15.0
_MARGIN: Final = 0.2
_SHORTEST_S: Final = 10.0
_TAIL_S: Final = 8.0
"""What deviates alike for so long at the end of a run is a scene of its own that had no time to show it."""
_UNREST_S: Final = 1800.0
_MOST_PATIENCE: Final = 16.0
SURE: Final = 0.8
"""The confidence from which a sudden sound is taken as one. Beepers at a building site, read as alarms, reach 0.71."""
_SUDDEN_AGAIN_S: Final = 600.0
GAP_S: Final = 0.05
"""Windows that are no further apart than this follow one another."""


@dataclass(frozen=True, slots=True)
class Window:
    """The reading of one window of surroundings: where it begins (monotonic), how long it is, how loud."""

    at: float
    seconds: float
    level_dbfs: float
    reading: SceneReading

    @property
    def end(self) -> float:
        """The monotonic time of its end."""
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class Stretch:
    """Windows that make one moment: their span, level and common reading.

    `label`: of the run; that of the reading is another one only where no window of the stretch had it.
    `seconds`: from the begin of its first window to the end of its last; sound that was lost in between is counted, as
    the scene went on meanwhile. `lasting`: seconds from the begin of the scene to the end of this stretch. `continues`
    names the stretch before.
    """

    id: str
    label: str
    at: float
    seconds: float
    lasting: float
    level_dbfs: float
    reading: SceneReading
    continues: str | None


def _together(windows: Sequence[Window], label: str) -> SceneReading:
    """Mean of the readings, weighted by length, under the label that the run has."""
    total = sum(window.seconds for window in windows)
    shares: dict[str, float] = {}
    for window in windows:
        for name, share in window.reading.shares.items():
            shares[name] = shares.get(name, 0.0) + share * window.seconds / total
    alike = next((w.reading for w in windows if w.reading.label == label), windows[-1].reading)
    sure = [(w.seconds, w.reading.confidence) for w in windows if w.reading.label == alike.label]
    confidence = sum(seconds * value for seconds, value in sure) / sum(seconds for seconds, _ in sure)
    return replace(alike, shares=shares, confidence=confidence)


def _seconds(windows: Sequence[Window]) -> float:
    return sum(window.seconds for window in windows)


def _level(windows: Sequence[Window]) -> float:
    total = sum(window.seconds for window in windows)
    power = sum(window.seconds * 10 ** (window.level_dbfs / 10) for window in windows) / total
    return max(SILENCE_DBFS, 10 * float(np.log10(power))) if power > 0 else SILENCE_DBFS


class Steady:
    """Takes windows in order, gives stretches in order.

    `sudden`: the scenes that come through at once. `new_id` names each stretch.
    """

    def __init__(self, sudden: Collection[str], new_id: Callable[[], str]) -> None:
        self._sudden = frozenset(sudden)
        self._new_id = new_id
        self._label: str | None = None
        self._votes: dict[str, float] = {}
        self._windows: list[Window] = []
        self._last: Stretch | None = None
        """The last one that was given, unless there was a gap after it."""
        self._end = float("-inf")
        self._latest: Window | None = None
        self._changes: list[float] = []
        self._heard_sudden: dict[str, float] = {}

    @property
    def waiting(self) -> bool:
        """Tell whether windows wait for the end of their stretch."""
        return bool(self._windows)

    @property
    def end(self) -> float:
        """The monotonic time at which the last window ended, put off by what was lost since; -inf before the first."""
        return self._end

    def lost(self, seconds: float) -> None:
        """Take it that so much sound was lost since the last window: one that is so much later follows it."""
        self._end += seconds

    def around(self, at: float) -> SceneReading | None:
        """Give what the surroundings were last read as, if that is not older than a minute at the time `at`."""
        known = self._latest
        return known.reading if known is not None and at - known.end <= MEMORY_S else None

    def feed(self, window: Window) -> list[Stretch]:
        """Take the next window."""
        gap, out = window.at - self._end, []
        if gap > GAP_S:
            out, self._last = self.close(), None
        if gap > MEMORY_S:
            self._label, self._votes = None, {}
        self._end = window.end
        if self._is_sudden(window):
            self._changes.append(window.at)
            return out + self._give() + [self._stretch([window], window.reading.label)]
        self._vote(window)
        out += self._change() + self._due()
        if window.reading.label == self._label or self._latest is None or window.at - self._latest.end > _FADE_S:
            self._latest = window
        return out

    def close(self) -> list[Stretch]:
        """End the run, as speech or silence does: give what waits."""
        label = self._windows[-1].reading.label if self._windows else None
        begin = len(self._windows)
        while begin and self._windows[begin - 1].reading.label == label:
            begin -= 1
        if label != self._label and _seconds(self._windows[begin:]) >= _TAIL_S * self._patience():
            return self._turn(label, begin) + self._give()
        return self._give()

    def _is_sudden(self, window: Window) -> bool:
        label = window.reading.label
        if label not in self._sudden or window.reading.confidence < SURE:
            return False
        before = self._heard_sudden.get(label, float("-inf"))
        self._heard_sudden[label] = window.end
        return label != self._label and window.at - before > _SUDDEN_AGAIN_S

    def _patience(self) -> float:
        """Give how many times the usual evidence a change takes after those that there were lately."""
        self._changes = [at for at in self._changes if self._end - at < _UNREST_S]
        return float(min(_MOST_PATIENCE, 2.0 ** len(self._changes)))

    def _vote(self, window: Window) -> None:
        kept = exp(-window.seconds / (_FADE_S * self._patience()))
        self._votes = {label: kept * vote for label, vote in self._votes.items() if vote > 0.001}
        self._votes[window.reading.label] = self._votes.get(window.reading.label, 0.0) + 1 - kept
        self._windows.append(window)

    def _change(self) -> list[Stretch]:
        """Begin a new run where the votes speak for another label."""
        leader = max(self._votes, key=lambda label: self._votes[label])
        if self._label is None:
            self._label = leader
        if self._votes[leader] <= self._votes.get(self._label, 0.0) + _MARGIN:
            return []
        best, begin, gain = 0.0, len(self._windows), 0.0
        for index in range(len(self._windows) - 1, -1, -1):
            window = self._windows[index]
            gain += window.seconds * ((window.reading.label == leader) - (window.reading.label == self._label))
            if gain > best:
                best, begin = gain, index
        if _seconds(self._windows[:begin]) < _SHORTEST_S:
            begin = 0  # too short a moment to contradict what follows
        return self._turn(leader, begin) if best else []

    def _turn(self, label: str | None, begin: int) -> list[Stretch]:
        """Give the windows before `begin` to the old run, those from there to a new one."""
        new = self._windows[begin:]
        self._windows = self._windows[:begin]
        out = self._give()
        if label != self._label:
            self._changes.append(self._end)
        self._label, self._windows = label, new
        return out

    def _due(self) -> list[Stretch]:
        """Give the stretch that is long enough, but not while its last window deviates: that may become a change."""
        if not self._windows or self._windows[-1].reading.label != self._label:
            return []
        enough = NEXT_S if self._continued(self._label) else FIRST_S * self._patience()
        return self._give() if _seconds(self._windows) >= enough else []

    def _continued(self, label: str) -> Stretch | None:
        """Find the stretch that the next one, if it has this label, goes on."""
        return self._last if self._last is not None and self._last.label == label else None

    def _give(self) -> list[Stretch]:
        windows, self._windows = self._windows, []
        return [self._stretch(windows, self._label or UNCLEAR)] if windows else []

    def _stretch(self, windows: Sequence[Window], label: str) -> Stretch:
        before = self._continued(label)
        seconds = windows[-1].end - windows[0].at
        self._last = Stretch(
            id=self._new_id(),
            label=label,
            at=windows[0].at,
            seconds=seconds,
            lasting=seconds + (before.lasting if before else 0.0),
            level_dbfs=_level(windows),
            reading=_together(windows, label),
            continues=before.id if before else None,
        )
        return self._last

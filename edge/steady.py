"""Makes one moment of a scene that goes on, instead of a flood of windows that waver.

Windows that follow one another without a gap form a run with one label. The label changes when the recent windows
(a vote that fades with time) speak for another one by a margin, or when 20 s without a break do; a few that deviate
change nothing. A run gives its first stretch after 15 s and then one every four minutes; a sudden sound, such
as breaking glass, is a run of its own that gives it at once. Whatever ends a run (speech, silence, the end) gives what
is left of it, so that every window is in exactly one stretch.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Final

import numpy as np

from edge.models.scenes import SceneReading
from edge.sound import SILENCE_DBFS
from moments import UNCLEAR

FIRST_S: Final = 15.0
NEXT_S: Final = 240.0
MEMORY_S: Final = 60.0
"""After a gap of this length nothing that was heard before counts."""
_FADE_S: Final = 30.0
_MARGIN: Final = 0.2
_ALIKE_S: Final = 19.0
_TAIL_S: Final = 8.0
"""What deviates alike for so long at the end of a run is a scene of its own that had no time to show it."""
_SURE: Final = 0.5
_GAP_S: Final = 0.05


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

    `lasting`: seconds from the begin of the scene to the end of this stretch. `continues` names the stretch before.
    """

    id: str
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
        self._votes: Mapping[str, float] = {}
        self._windows: list[Window] = []
        self._before: str | None = None
        self._began = 0.0
        self._end = float("-inf")
        self._latest: Window | None = None

    @property
    def waiting(self) -> bool:
        """Tell whether windows wait for the end of their stretch."""
        return bool(self._windows)

    def around(self, at: float) -> SceneReading | None:
        """Give what the surroundings were last read as, if that is not older than a minute at the time `at`."""
        known = self._latest
        return known.reading if known is not None and at - known.end <= MEMORY_S else None

    def feed(self, window: Window) -> list[Stretch]:
        """Take the next window."""
        out = self.close() if window.at - self._end > _GAP_S else []
        if window.at - self._end > MEMORY_S:
            self._label, self._votes = None, {}
        self._end = window.end
        self._vote(window)
        out += self._place(window)
        if window.reading.label == self._label or self._latest is None or window.at - self._latest.end > _FADE_S:
            self._latest = window
        return out + self._due()

    def close(self) -> list[Stretch]:
        """End the run, as speech or silence does: give what waits. The next window continues nothing."""
        tail = self._windows[self._alike_from() :]
        out = []
        if tail and tail[0].reading.label != self._label and sum(window.seconds for window in tail) >= _TAIL_S:
            self._windows = self._windows[: -len(tail)]
            out = self._begin(tail[0].reading.label, tail)
        out += self._give()
        self._before = None
        return out

    def _alike_from(self) -> int:
        """Find where the last windows with one and the same label begin."""
        begin = len(self._windows)
        while begin and self._windows[begin - 1].reading.label == self._windows[-1].reading.label:
            begin -= 1
        return begin

    def _vote(self, window: Window) -> None:
        kept = exp(-window.seconds / _FADE_S)
        votes = {label: kept * vote for label, vote in self._votes.items() if vote > 0.01}
        votes[window.reading.label] = votes.get(window.reading.label, 0.0) + 1 - kept
        self._votes = votes

    def _place(self, window: Window) -> list[Stretch]:
        """Put the window into the run, or begin a new run with it and those before it that deviated too."""
        reading = window.reading
        if reading.label in self._sudden and reading.label != self._label and reading.confidence >= _SURE:
            return self._begin(reading.label, [window])
        if self._label in self._sudden and reading.label != self._label:
            return self._begin(reading.label, [window])
        self._windows.append(window)
        leader = max(self._votes, key=lambda label: self._votes[label])
        if self._label is None or self._votes[leader] > self._votes.get(self._label, 0.0) + _MARGIN:
            return self._change(leader)
        alike = self._windows[self._alike_from() :]
        return self._change(reading.label) if sum(window.seconds for window in alike) >= _ALIKE_S else []

    def _change(self, label: str) -> list[Stretch]:
        if label == self._label:
            return []
        self._votes = {label: 1.0}
        stay = len(self._windows)
        while stay and self._windows[stay - 1].reading.label != self._label:
            stay -= 1
        changed = self._windows[stay:]
        self._windows = self._windows[:stay]
        return self._begin(label, changed)

    def _begin(self, label: str, windows: list[Window]) -> list[Stretch]:
        out = self._give()
        self._label, self._windows, self._before = label, windows, None
        return out

    def _due(self) -> list[Stretch]:
        """Give the stretch that is long enough, but not while its last window deviates: that one may change the run."""
        if not self._windows or self._windows[-1].reading.label != self._label:
            return []
        enough = NEXT_S if self._before else 0.0 if self._label in self._sudden else FIRST_S
        return self._give() if sum(window.seconds for window in self._windows) >= enough else []

    def _give(self) -> list[Stretch]:
        if not self._windows:
            return []
        windows, self._windows = self._windows, []
        if self._before is None:
            self._began = windows[0].at
        label = self._label or UNCLEAR
        stretch = Stretch(
            id=self._new_id(),
            at=windows[0].at,
            seconds=windows[-1].end - windows[0].at,
            lasting=windows[-1].end - self._began,
            level_dbfs=_level(windows),
            reading=_together(windows, label),
            continues=self._before,
        )
        self._before = stretch.id
        return [stretch]

"""Which moments belong to a mark, and the sound around it.

A mark makes a record: what is heard from `before_s` before to `after_s` after it. Where clips are on, that sound is cut
from the ring, becomes a clip on the shelf, and its hash goes into the record's moments. A moment never changes once it
was sent, so those of a record wait in the outbox, some seconds, until the clip is there. A kill in between costs the
clip, which was in memory alone, and no moment.
"""

import logging
import math
import queue
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Literal

from edge.records.clip import Safe, packed
from edge.records.ring import Pcm, Ring
from edge.records.shelf import Shelf
from edge.sound import RATE, Block
from edge.steady import NEXT_S
from moments import Clip, uuid7

log = logging.getLogger(__name__)

ORDINARY_S: Final = 15.0
"""The most that an ordinary clip holds: the end of its moment."""
_LAG_S: Final = 20.0
"""How long after its begin an utterance may become a moment: the longest one and its hangover."""
_LATE_S: Final = 3.0
_FORGET_S: Final = 3 * NEXT_S
"""How long a mark is remembered after its end: a scene that goes on, and may waver, gives its moment late."""
_CUTS: Final = 8
_SHORTEST: Final = RATE // 10


@dataclass(frozen=True, slots=True)
class Span:
    """What the settings say: whether sound is kept, with ordinary moments too, and how much around a mark."""

    clips: bool
    ordinary: bool
    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Belongs:
    """What a moment is part of. `hold`: it waits in the outbox under this name until its clip is there."""

    record: str | None = None
    clip: Clip | None = None
    hold: str | None = None


@dataclass(slots=True)
class _Cut:
    """A stretch of sound, [begin, end) in monotonic seconds, on its way to a clip."""

    name: str
    kind: Literal["mark", "ordinary"]
    at: float
    """When the mark was made, or the ordinary moment began: monotonic seconds, as all times here."""
    begin: float
    end: float
    state: Literal["hearing", "cutting", "done"]
    moments: list[str] = field(default_factory=list)
    clip: Clip | None = None
    wanted: bool = True
    erased: bool = False
    """Whether the mark itself was erased: nothing belongs to its record any more."""

    @property
    def record(self) -> str | None:
        """The record's id, for a mark."""
        return self.name if self.kind == "mark" else None


class Recorder:
    """Knows the last marks. Hold `lock` from asking what a moment belongs to until it is in the outbox.

    `attach(name, clip)` is called once for each name that moments were held under; the clip is None when there is
    none. `unix(at)` gives Unix seconds of a monotonic time, None while the time is not known.
    """

    def __init__(
        self,
        span: Span,
        shelf: Shelf,
        safe: Safe,
        *,
        attach: Callable[[str, Clip | None], None],
        unix: Callable[[float], float | None],
    ) -> None:
        self.lock = threading.RLock()
        self._shelf, self._safe, self._attach, self._unix = shelf, safe, attach, unix
        self._cuts: list[_Cut] = []
        self._ordinary: list[_Cut] = []
        self._work: queue.Queue[tuple[_Cut, Pcm, float] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._ring: Ring | None = None
        self._since = -math.inf
        """What was heard before this monotonic time belongs to no mark that is yet to come."""
        self.use(span)

    def use(self, span: Span) -> None:
        """Go by other settings from now on; what is in memory goes at once when clips are switched off."""
        with self.lock:
            self._span = span
            if not span.clips:
                self._ring = None
                self._finish_all()
            else:
                seconds = max(span.before_s, ORDINARY_S) + span.after_s + _LAG_S
                if self._ring is None or self._ring.seconds != seconds:
                    self._finish_all()
                    self._ring = Ring(seconds)

    def start(self) -> None:
        """Begin to make clips."""
        self._thread.start()

    def mark(self, now: float, moment: str) -> Belongs:
        """Begin a record at monotonic `now` with a moment of that id."""
        with self.lock:
            state: Literal["hearing", "done"] = "hearing" if self._ring is not None else "done"
            begin = max(now - self._span.before_s, self._since)
            at = self._unix(now)  # which may know better than the system's clock
            record = uuid7(None if at is None else int(at * 1000))
            cut = _Cut(record, "mark", now, begin, now + self._span.after_s, state)
            self._cuts.append(cut)
            return self._join(cut, moment)

    def belongs(self, moment: str, begin: float, end: float) -> Belongs:
        """Say what a moment of [begin, end) is part of: the newest record that it touches, or a clip of its own."""
        with self.lock:
            for cut in reversed(self._cuts):
                if not cut.erased and begin < cut.end and end > cut.begin:
                    return self._join(cut, moment)
            if self._ring is None or not self._span.ordinary:
                return Belongs()
            cut = _Cut(moment, "ordinary", begin, max(begin, end - ORDINARY_S), end, "hearing")
            self._cut(cut)  # first: a moment that waited for a clip that cannot be made would wait for ever
            self._ordinary.append(cut)
            return self._join(cut, moment)

    def hear(self, block: Block) -> None:
        """Take the next block of sound."""
        with self.lock:
            if self._ring is None:
                return
            self._ring.hear(block)
            for cut in self._cuts:
                if cut.state == "hearing" and self._ring.end >= cut.end:
                    self._cut(cut)

    def hush(self, until: float = math.inf) -> None:
        """The device does not listen any more: finish what is open and forget the sound in memory.

        What is heard from monotonic `until` on belongs to no record of before, and what was heard before it to none
        that begins from then on.
        """
        with self.lock:
            self._finish_all()
            for cut in self._cuts:
                cut.end = min(cut.end, until)
            if until < math.inf:
                self._since = until
            if self._ring is not None:
                self._ring.clear()

    def forget(self, moments: Collection[str], records: Collection[str], sha256s: Collection[str]) -> None:
        """Make no clip any more for these moments and records, and name none that was made, nor one of these hashes.

        Nothing belongs any more to these records, nor to one that a mark of these moments began.
        """
        with self.lock:
            for cut in (*self._cuts, *self._ordinary):
                if cut.name in records or cut.moments[0] in moments:
                    cut.erased = True
                named = cut.clip is not None and cut.clip.sha256 in sha256s
                if cut.erased or named or not set(moments).isdisjoint(cut.moments):
                    cut.wanted, cut.clip = False, None

    def forget_span(self, begin: float, end: float) -> None:
        """Make and name no clip that touches [begin, end), in Unix seconds; nothing belongs to a mark made in it."""
        with self.lock:
            for cut in (*self._cuts, *self._ordinary):
                at, first, last = self._unix(cut.at), self._unix(cut.begin), self._unix(cut.end)
                if at is None or first is None or last is None:  # not known: only what has no begin reaches it
                    at = first = last = -math.inf
                cut.erased = cut.erased or begin <= at < end
                if cut.erased or (first < end and last > begin):
                    cut.wanted, cut.clip = False, None

    def forget_all(self) -> None:
        """Forget the sound in memory, and make no clip of what is open."""
        with self.lock:
            for cut in (*self._cuts, *self._ordinary):
                cut.wanted = False
            if self._ring is not None:
                self._ring.clear()

    def tick(self, now: float) -> None:
        """Finish what no more sound comes for, and forget records that nothing can belong to any more."""
        with self.lock:
            for cut in self._cuts:
                if cut.state == "hearing" and now > cut.end + _LATE_S:
                    self._cut(cut)
            self._cuts = [cut for cut in self._cuts if cut.state != "done" or now < cut.end + _FORGET_S]
            self._ordinary = [cut for cut in self._ordinary if cut.state != "done"]

    def close(self, seconds: float) -> None:
        """Finish what is open, within about `seconds`."""
        self.hush()
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    @staticmethod
    def _join(cut: _Cut, moment: str) -> Belongs:
        cut.moments.append(moment)
        return Belongs(cut.record, cut.clip, cut.name if cut.state != "done" else None)

    def _finish_all(self) -> None:
        for cut in self._cuts:
            if cut.state == "hearing":
                self._cut(cut)

    def _cut(self, cut: _Cut) -> None:
        """Take its sound out of the ring and have a clip made of it."""
        if self._ring is not None:
            begin, sound = self._ring.cut(cut.begin, cut.end)
            if cut.wanted and len(sound) >= _SHORTEST and self._work.qsize() < _CUTS:
                cut.state = "cutting"
                self._work.put((cut, sound, begin))
                return
        self._done(cut, None)

    def _done(self, cut: _Cut, clip: Clip | None) -> None:
        cut.clip, cut.state = clip, "done"
        self._attach(cut.name, clip)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            cut, sound, begin = work
            clip = None
            try:
                with self.lock:
                    moments = list(cut.moments)
                label, content = packed(
                    sound, self._safe, kind=cut.kind, record=cut.record, moments=moments, begin=self._unix(begin)
                )
                clip = label.clip if cut.wanted and self._shelf.put(label, content) else None
            except Exception:
                log.exception("a clip could not be made")
            with self.lock:
                self._done(cut, clip if cut.wanted else None)  # it may have been erased since

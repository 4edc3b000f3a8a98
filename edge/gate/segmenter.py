"""Cuts the stream into utterances of near speech and windows of surroundings.

Every sample that is not silence is in exactly one segment, in order. What is silence is decided over half a second, so
that a faint click does not break it. An utterance begins a little before its first voice, if that leaves enough of a
segment before it, and ends a little after its last, or where what is left of it has died away; voices that follow
within the hang-over belong to it. In a room full of far voices one that does not rise out of them makes none. All
choices are taken decision by decision, so that the segments do not depend on how the sound was cut into blocks.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from edge.gate.detector import Decision, Thresholds
from edge.gate.levels import quietest, rise
from edge.gate.room import Room
from edge.gate.tape import Tape
from edge.sound import QUIET_DBFS, RATE, Block, Segment

MIN: Final = RATE // 2
"""The shortest segment; a scrap goes to the utterance after it or to the window before it."""
MAX_SPEECH: Final = 15 * RATE
WINDOW: Final = 5 * RATE
CONFIRM: Final = RATE * 18 // 100
"""Voice without a break that makes an utterance: shorter than a word, longer than a knock."""
HANG: Final = RATE * 45 // 100
"""A pause longer than this parts two utterances. A detector hears about 0.1 s less of a pause than there is."""
BEFORE: Final = RATE // 10
AFTER: Final = RATE // 20
BREATH: Final = RATE * 42 // 100
"""Sound after an utterance that dies away within this belongs to it; what lasts longer is heard as surroundings."""
RISING: Final = RATE * 30 // 100
"""A voice that has not risen yet out of others is heard this far back."""
WARM_UP: Final = RATE * 45 // 100
"""What a detector says of the first sound of a stream, before it knows the room, makes no utterance. One that begins
there loses nothing by it: a scrap before an utterance belongs to it."""
RISE: Final = RATE * 8 // 10
"""An utterance begins at most this long before the voice that made it one."""
_EDGE: Final = RATE // 20
"""Sound begins and ends within frames that are, on the whole, silent."""
_ENDS: Final = 0.5
"""Sound ends 3 dB below the level at which it begins, or a window's length after it was last as loud as that: a noise
just there would begin and end all the time."""
_HALF: Final = 0.5
"""A detector half as sure as lets a voice go on has begun to hear it."""
_KEEP: Final = RATE
"""How far back an utterance may still begin; the air before may be gone by then."""


class Segmenter:
    """Takes blocks with the detector's decisions about them, gives segments as soon as they are certain.

    `thresholds`: of `speech` and `near`, each with hysteresis; both must hold for a voice. `step_s`: the seconds that
    one decision covers. `silence_dbfs`: the level below which sound belongs to no segment. An utterance leaves
    0.55 s after its last voice, a window of surroundings 1 s after its end.
    """

    def __init__(self, thresholds: Mapping[str, Thresholds], step_s: float, silence_dbfs: float = QUIET_DBFS) -> None:
        self._speech = thresholds["speech"]
        self._near = thresholds["near"]
        self._step_s = step_s
        self._silence = 10 ** (silence_dbfs / 10)
        self._reset()

    def _reset(self) -> None:
        self._tape = Tape()
        self._waiting: list[tuple[int, Decision]] = []
        """Decisions, each with the end of the frame that it is about."""
        self._last = Decision(0.0, 0.0, 0.0)
        self._anchor = (0, 0.0)
        self._decided = 0
        self._given = 0
        self._open = 0
        self._lead: int | None = None
        """Where the surroundings before an utterance begin, while it is still shorter than a segment may be."""
        self._loud_to = 0
        self._above_to = 0
        """To where the level was that of sound."""
        self._recent: deque[tuple[int, int, float]] = deque()
        self._recent_energy = 0.0
        self._room = Room(self._step_s)
        self._silent = True
        self._talking = False
        self._rising_from: int | None = None
        """Where the detector began to hear something like a voice."""
        self._voice_from: int | None = None
        """Where the voice began that is heard now without a break."""
        self._broken_from = 0
        """Where the voice before that began."""
        self._voice_to = 0
        self._uttering = False
        self._out: list[Segment] = []

    @property
    def silent(self) -> bool:
        """Tell whether the stream is in silence now."""
        return self._silent

    def feed(self, block: Block, decisions: Sequence[Decision]) -> list[Segment]:
        """Take the next block and the decisions that became possible with it, in order."""
        self._tape.append(block.samples)
        self._anchor = (self._tape.end, block.at + len(block.samples) / RATE)
        if not decisions and not self._waiting:
            return []
        half, until = self._step_s / 2, self._tape.end
        self._waiting += [(round((decision.at + half) * RATE), decision) for decision in decisions]
        ready = [(about, decision) for about, decision in self._waiting if about <= until]
        del self._waiting[: len(ready)]
        self._decide_all(ready)
        self._tape.forget(min(self._open if self._lead is None else self._lead, self._decided - _KEEP))
        return self._hand_over()

    def flush(self) -> list[Segment]:
        """End the stream: give what is left. The next block begins a new one."""
        total = self._tape.end
        self._decide_all([*self._waiting, (total, self._last)])
        if self._uttering:
            before = self._given if self._lead is None else self._lead
            self._open = max(before, self._tape.start, min(self._open, total - MIN))
            self._give_lead()
            self._end_utterance(total if total - self._utterance_end() < MIN else self._utterance_end())
        if not self._silent and self._loud_to > self._open:
            self._give("scene", min(self._open, max(self._given, total - MIN)), total)
        out = self._hand_over()
        self._reset()
        return out

    def _hand_over(self) -> list[Segment]:
        out, self._out = self._out, []
        return out

    def _decide_all(self, decisions: Iterable[tuple[int, Decision]]) -> None:
        """Take the frames that the decisions are about into what the stream is known to be."""
        frames, start, total = [], self._decided, self._tape.end
        for about, decision in decisions:
            end = min(total, about)
            if end > start:
                frames.append((start, end, decision))
                start = end
        energies = self._energies(frames)
        if self._rest(frames, energies):
            return
        for (start, end, decision), energy in zip(frames, energies, strict=True):
            self._decided, self._last = end, decision
            quiet = self._measure(start, end, energy)
            self._room.hear([(energy / (end - start), decision.speech - decision.near)])
            self._hear_voice(start, end, decision)
            if self._uttering:
                self._go_on_uttering()
            else:
                self._go_on_listening(quiet)

    def _energies(self, frames: Sequence[tuple[int, int, Decision]]) -> list[float]:
        """Give the sum of squares of each frame, less its mean: an offset, as cheap converters have it, is no sound."""
        if not frames:
            return []
        first = frames[0][0]
        samples = self._tape.view(first, frames[-1][1])
        begins = [start - first for start, _, _ in frames]
        sums, squares = np.add.reduceat(samples, begins).tolist(), np.add.reduceat(samples * samples, begins).tolist()
        return [
            max(0.0, square - total * total / (end - start))
            for (start, end, _), total, square in zip(frames, sums, squares, strict=True)
        ]

    def _rest(self, frames: Sequence[tuple[int, int, Decision]], energies: Sequence[float]) -> bool:
        """Where silence goes on through all of the frames, take them in at once; tell whether that was so.

        Most of a day is silence, and one by one its frames would cost more than all that tells it from sound.
        """
        if not self._silent or self._talking or not frames:
            return False
        total = self._recent_energy + sum(energies)
        if total >= self._silence * MIN or max([d.speech for _, _, d in frames]) >= _HALF * self._speech.off:
            return False
        if max(energies) >= self._silence * min([end - start for start, end, _ in frames]):
            return False  # one of them may be loud
        _, self._decided, self._last = frames[-1]
        self._recent.extend([(start, end, energy) for (start, end, _), energy in zip(frames, energies, strict=True)])
        self._room.hear(
            [(e / (end - start), d.speech - d.near) for (start, end, d), e in zip(frames, energies, strict=True)]
        )
        while self._recent[0][1] <= self._decided - MIN:
            total -= self._recent.popleft()[2]
        self._recent_energy = total
        self._rising_from = self._voice_from = None
        self._open = self._decided
        return True

    def _measure(self, start: int, end: int, energy: float) -> bool:
        """Tell whether the half second up to a frame is silence."""
        if energy >= self._silence * (end - start):
            self._loud_to = end
        self._recent.append((start, end, energy))
        self._recent_energy += energy
        while self._recent[0][1] <= end - MIN:
            self._recent_energy -= self._recent.popleft()[2]
        if self._recent_energy >= self._silence * MIN:
            self._above_to = end
        wavers = not self._silent and end - self._above_to <= WINDOW
        return self._recent_energy < self._silence * MIN * (_ENDS if wavers else 1)

    def _hear_voice(self, start: int, end: int, decision: Decision) -> None:
        _, speech, near = decision
        if not (speech >= _HALF * self._speech.off and near >= _HALF * self._near.off):
            self._rising_from = None
        elif self._rising_from is None:
            self._rising_from = start
        begins = near >= self._near.on and speech >= self._speech.on and start >= WARM_UP
        may_go_on = speech >= self._speech.off and near >= self._near.off
        self._talking = begins or (self._talking and may_go_on)
        if not self._talking:
            self._broken_from = self._broken_from if self._voice_from is None else self._voice_from
            self._voice_from = None
            return
        if self._voice_from is None:
            self._voice_from = start
        if self._uttering and self._voice_from - self._voice_to <= HANG:
            self._voice_to = end

    def _go_on_listening(self, quiet: bool) -> None:
        if self._voice_from is not None and self._decided - self._voice_from >= CONFIRM:
            self._voice_from = max(self._voice_from, self._decided - RISING)
            if self._room.is_left_by(round((self._decided - self._voice_from) / RATE / self._step_s)):
                self._begin_utterance(self._voice_from)
        elif quiet and not self._talking:
            self._go_silent()
        elif self._silent:
            self._silent = False
            loud = [start for start, end, energy in self._recent if energy >= self._silence * (end - start)]
            self._open = max(self._given, min([*loud, self._recent[-1][0]]) - _EDGE)
        if not (self._silent or self._uttering) and self._decided - self._open >= WINDOW + _KEEP:
            self._give("scene", self._open, self._open + WINDOW)

    def _go_silent(self) -> None:
        if not self._silent:
            if self._loud_to > self._open:
                if self._decided - self._open < MIN:
                    return
                ends = max(self._loud_to + _EDGE, self._open + MIN)
                self._give("scene", self._open, min(ends, self._decided))
            self._silent = True
        self._open = self._decided

    def _begin_utterance(self, voice_from: int) -> None:
        onset, with_air = self._onset(voice_from)
        begins = max(self._given, self._decided - _KEEP, with_air)
        sound_before = not self._silent and self._loud_to > self._open
        if sound_before and onset - self._open >= MIN:
            begins = max(begins, self._open + MIN)
            self._lead = self._open
        elif sound_before:
            begins = min(begins, self._open)
        self._open = begins
        self._silent = False
        self._uttering = True
        self._voice_to = self._decided

    def _onset(self, voice_from: int) -> tuple[int, int]:
        """Find where the voice began, and that with some air: a detector may need some syllables to be sure.

        That is where the level rose to the voice's, less 15 dB, if it did so just before and stayed, or fell again but
        a voice was heard since: a word or two may break off before a detector is sure. Over a noise that is nearly as
        loud as the voice there is no such rise: there it is where the detector began to hear a voice.
        """
        first = max(self._given, self._tape.start, voice_from - RISE)
        rose, found = voice_from, rise(self._tape.view(first, voice_from), self._tape.view(voice_from, self._decided))
        if found is not None:
            at, stayed = first + found[0], found[1]
            rose = at if stayed or self._broken_from >= at - BEFORE else voice_from
        rising = voice_from if self._rising_from is None else max(first, self._rising_from)
        return min(rose, rising), min(rose, rising - BEFORE)

    def _utterance_end(self) -> int:
        return max(self._voice_to + AFTER, self._open + MIN)

    def _give_lead(self) -> None:
        if self._lead is not None and self._open - self._lead >= MIN:
            self._give("scene", self._lead, self._open)
        elif self._lead is not None:
            self._open = self._lead
        self._lead = None

    def _go_on_uttering(self) -> None:
        if self._lead is not None and self._decided - self._open >= MIN:
            self._give_lead()
        if self._decided - self._utterance_end() >= MIN:
            self._end_utterance(self._last_breath())
        elif self._decided - self._open >= MAX_SPEECH:
            self._give("speech", self._open, self._quietest())

    def _last_breath(self) -> int:
        """Give the end of the utterance, or of the sound after it where that dies away within a breath."""
        end, silent_from = self._utterance_end(), self._loud_to + _EDGE
        return min(silent_from, self._open + MAX_SPEECH) if end < silent_from <= end + BREATH else end

    def _end_utterance(self, end: int) -> None:
        self._give("speech", self._open, min(end, self._tape.end))
        self._uttering = False

    def _quietest(self) -> int:
        """Find where long speech is best cut: the middle of its quietest 200 ms in its second half."""
        begin = self._open + MAX_SPEECH // 2
        end = min(self._decided - MIN, self._voice_to)
        return begin + quietest(self._tape.view(begin, end))

    def _give(self, kind: Literal["speech", "scene"], start: int, end: int) -> None:
        known, at = self._anchor
        self._out.append(Segment(kind, self._tape.view(start, end).copy(), at - (known - start) / RATE))
        self._open = self._given = end

"""What came of it: lost, stored twice, deaf, unheard, leaked. Pure: reckons with what was noted."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.chaos.faults import DEAFENS, MICROPHONE, Fault
from bench.chaos.sounds import Spoken
from bench.chaos.witness import Holding

_JOINT_S = 0.1
"""By so much the ends of two moments' sound may overlap: a clock that is moved is read twice for one moment."""
_BEFORE_S, _AFTER_S = 4.0, 1.0
"""How far from a fault that deafens a voice must be to count: what a killed device was listening to is gone."""


@dataclass(frozen=True)
class Span:
    """The sound of one moment, in the monotonic seconds of this machine."""

    begin: float
    end: float
    basis: str


def spans(
    moments: Sequence[Mapping[str, Any]], kept: Mapping[str, float], shifts: Collection[float], unix_at_0: float
) -> list[Span]:
    """Give when each moment's sound truly was, in order.

    A moment was stamped by a clock that was off by one of `shifts`; it is the one by which the sound ended shortly
    before the moment was kept.
    """
    found = []
    for moment in moments:
        if moment["id"] not in kept or moment["basis"] == "none":
            continue
        begin = datetime.fromisoformat(moment["start"]).timestamp() - unix_at_0
        end = begin + moment["seconds"]
        shift = min(shifts, key=lambda shift, end=end, kept_at=kept[moment["id"]]: abs(kept_at - (end - shift)))
        found.append(Span(begin - shift, end - shift, moment["basis"]))
    return sorted(found, key=lambda span: span.begin)


def deaf_s(heard: Sequence[Span], back: float) -> float | None:
    """Give the seconds from `back` until sound is in a moment again; None when it never was."""
    later = [span for span in heard if span.end > back]
    return max(0.0, later[0].begin - back) if later else None


def overlaps(heard: Sequence[Span]) -> int:
    """Count the moments whose sound is in another one too."""
    count, end = 0, float("-inf")
    for span in heard:
        count += span.begin < end - _JOINT_S
        end = max(end, span.end)
    return count


def in_healthy_times(spoken: Sequence[Spoken], faults: Sequence[Fault], heard: Sequence[Span]) -> list[Spoken]:
    """Give the voices that no fault kept from being heard: not even one that is near."""
    hard = []
    for fault in faults:
        if fault.kind in DEAFENS:
            deaf = deaf_s(heard, fault.ended)
            hard.append((fault.begin - _BEFORE_S, fault.ended + (5.0 if deaf is None else max(deaf, 5.0)) + _AFTER_S))
    return [each for each in spoken if not any(begin < each.end and each.begin < end for begin, end in hard)]


def was_heard(voice: Spoken, heard: Sequence[Span]) -> bool:
    """Tell whether moments of speech hold at least half of a voice."""
    speech = [span for span in heard if span.basis == "speech"]
    held = sum(max(0.0, min(span.end, voice.end) - max(span.begin, voice.begin)) for span in speech)
    return held >= (voice.end - voice.begin) / 2


def leaked(lives: Mapping[int, Sequence[Holding]]) -> tuple[int, int]:
    """Give the most files and threads by which a process grew between its first calm moments and its last.

    `lives`: what each process held in calm moments; a life of fewer than four tells nothing.
    """
    files = threads = 0
    for looks in lives.values():
        if len(looks) >= 4:
            begin = looks[:3]
            files = max(files, len(looks[-1].files) - max(len(look.files) for look in begin))
            threads = max(threads, looks[-1].threads - max(look.threads for look in begin))
    return files, threads


def longest_deaf_s(heard: Sequence[Span], faults: Sequence[Fault]) -> list[float]:
    """Give for each fault of the microphone alone how long the device stayed deaf when it was back.

    A segment of up to 15 s dies with a device that is killed while it is open. Where a kill came before any sound from
    after the fault was told, what tells is when the device said that its ears were well, if it said so before.
    """
    kills = [fault for fault in faults if fault.kind == "device killed"]
    begins = [fault.begin for fault in kills]
    out = []
    for fault in faults:
        if fault.kind in MICROPHONE:
            near = bisect_right(begins, fault.ended + 5.0)
            if near and kills[near - 1].ended > fault.begin:
                continue
            deaf = deaf_s(heard, fault.ended)
            deaf = float("inf") if deaf is None else deaf
            killed = next((begin for begin in begins if fault.ended < begin < fault.ended + deaf), None)
            if killed is not None and fault.well is not None and fault.well < killed:
                deaf = max(0.0, fault.well - fault.ended)
            out.append(deaf)
    return out

"""`moodscape read` and `moodscape gate`: what the device makes of recordings, without a broker."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge.capture import dates
from moments import Moment
from moments.errors import UserError

if TYPE_CHECKING:
    from edge.capture.recording import Recording
    from edge.pipeline import Pipeline

DEVICE: Final = "recording"
"""Stands where a moment names its device: these come from no device."""


def register(subparsers: Any) -> None:
    """Add the verbs `read` and `gate` to `moodscape`."""
    read = subparsers.add_parser("read", help="the moments in recordings")
    read.add_argument("files", nargs="+", metavar="FILE", help="WAV, FLAC, Ogg or MP3 of any length and rate")
    read.add_argument("--json", action="store_true", help="one moment a line, with its file")
    read.add_argument("--start", metavar="TIME", help="when the first recording began, as 2026-05-22T09:30:00+09:00")
    read.set_defaults(run=_read)
    gate = subparsers.add_parser("gate", help="the speech decisions in recordings")
    gate.add_argument("files", nargs="+", metavar="FILE", help="WAV, FLAC, Ogg or MP3 of any length and rate")
    gate.add_argument("--csv", action="store_true", required=True, help="one row a decision: file,seconds,speech,near")
    gate.set_defaults(run=_gate)


def local_time(text: str) -> datetime:
    """Read an RFC 3339 time of the years `dates.YEARS`; one without an offset is local. Raises UserError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--start {text}: is no time; write it as 2026-05-22T09:30:00+09:00") from None
    begins = dates.placed(when)
    if begins is None:
        years = f"{dates.YEARS[0]} to {dates.YEARS[-1]}"
        raise UserError(f"--start {text}: is no time of a recording; give one of the years {years}")
    return begins


def drafts(pipeline: "Pipeline", recording: "Recording") -> Iterator[Any]:
    """Give the drafts of a whole recording as they become certain; their `at` counts from its first sample.

    Raises UnreadableRecording where the recording breaks off, after the drafts of what stands before.
    """
    from edge.capture.recording import UnreadableRecording

    fault = None
    try:
        for block in recording.blocks():
            yield from pipeline.feed(block)
    except UnreadableRecording as error:
        fault = error
    yield from pipeline.flush()
    if fault is not None:
        raise fault


def _moments(pipeline: "Pipeline", recording: "Recording", begins: datetime) -> Iterator[Moment]:
    from edge.moment import stamp

    for draft in drafts(pipeline, recording):
        yield stamp(draft, DEVICE, dates.after(begins, draft.at), "synced", None)


def _end(recording: "Recording", begins: datetime) -> datetime:
    """Say when a recording ends, by the length that it tells. Raises NoDate."""
    try:
        return dates.after(begins, recording.seconds)
    except (OverflowError, ValueError):
        length = f"{recording.seconds:.0f} s"
        raise dates.NoDate(f"{recording.path}: tells a length of {length}, beyond all dates; leave it out") from None


def _read(args: argparse.Namespace) -> int:
    from edge.capture.quiet import c_libraries_quiet
    from edge.capture.recording import Recording, UnreadableRecording
    from edge.pipeline import Pipeline

    told = local_time(args.start) if args.start else None
    hour_of = _Hours()
    with c_libraries_quiet():
        pipeline = Pipeline.load(hour_at=hour_of)
    failed = 0
    for file in args.files:
        try:
            with c_libraries_quiet(), closing(Recording(Path(file))) as recording:
                own = told or recording.begins()
                hour_of.begins = own or dates.of_change(recording.path, recording.seconds)
                told = told and _end(recording, told)
                if not args.json:
                    _line(f"{file}, from {hour_of.begins.isoformat(timespec='seconds')}")
                for moment in _moments(pipeline, recording, hour_of.begins):
                    _line(_as_json(file, moment) if args.json else _as_text(moment))
        except (UnreadableRecording, dates.NoDate) as error:
            failed += _name(error)
    return 1 if failed else 0


class _Hours:
    """The local hour in the recording that is being read."""

    begins: datetime

    def __call__(self, at: float) -> float:
        return dates.hour(dates.after(self.begins, at))


def _name(error: Exception) -> int:
    sys.stderr.write(f"moodscape: {error}\n")
    return 1


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _as_json(file: str, moment: Moment) -> str:
    return json.dumps({"file": file} | json.loads(moment.to_json()))


def _as_text(moment: Moment) -> str:
    scene = moment.scene.label if moment.scene else "-"
    because = moment.rule.because if moment.rule else ""
    felt = f"{moment.emotion} {moment.confidence:.2f}"
    when = moment.start.strftime("%H:%M:%S")
    return f"  {when}  {moment.seconds:6.1f} s  {moment.basis:6}  {felt:15}  {scene:20}  {because}".rstrip()


class _Lines:
    """Takes rows of CSV for standard output."""

    def write(self, row: str) -> None:
        """Write one row, as all else is."""
        _line(row.removesuffix("\n"))


def _gate(args: argparse.Namespace) -> int:
    from edge.capture.quiet import c_libraries_quiet
    from edge.capture.recording import Recording, UnreadableRecording
    from edge.gate import detector as gate

    rows = csv.writer(_Lines(), lineterminator="\n")
    rows.writerow(("file", "seconds", "speech", "near"))
    with c_libraries_quiet():
        detector = gate.load()
    failed = 0
    for file in args.files:
        detector.reset()
        try:
            with c_libraries_quiet(), closing(Recording(Path(file))) as recording:
                for block in recording.blocks():
                    for decision in detector.feed(block.samples):
                        rows.writerow((file, f"{decision.at:.3f}", f"{decision.speech:.4f}", f"{decision.near:.4f}"))
        except UnreadableRecording as error:
            failed += _name(error)
    return 1 if failed else 0

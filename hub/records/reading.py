"""The process that reads one recording: `python -m hub.records.reading`, asked by JSON on its standard input.

Asked: `path`, `record` (its id), `device`, `begins` (RFC 3339 or null), `made` (RFC 3339: when it came) and
`rules` (YAML or null). It answers in lines of JSON: `{"progress": 0.3}`, `{"moment": …}` as each becomes certain, and
last `{"seconds": …, "error": sentence or null}`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from edge.capture import dates
from edge.capture.quiet import c_libraries_quiet
from edge.pipeline import RATE, Draft, Pipeline, Rules
from hub.records.decode import Sound, Undecodable
from hub.records.ids import moment_id
from hub.stores import rows
from moments import Moment

_TELL_S: Final = 0.5
_NICE: Final = 5
_ROOM: Final = 512 * 1_048_576
"""Bytes of addresses beside those that the loaded program has: a recording takes up to 70 MB, one made to harm more."""
_OF_DRAFT: Final = [field.name for field in fields(Draft) if field.name not in {"at", "seconds"}]


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _drafts(pipeline: Pipeline, sound: Sound, length: list[float]) -> Iterator[Draft]:
    """Give what is heard, and tell the progress meanwhile; `length` gets the seconds that were read.

    Raises Undecodable where the sound breaks off, after what stands before.
    """
    told, fault = time.monotonic(), None
    try:
        for block in sound.blocks():
            yield from pipeline.feed(block)
            length[0] = block.at + len(block.samples) / RATE
            if time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                _say(progress=round(min(0.99, length[0] / sound.seconds), 4) if sound.seconds else 0.0)
    except Undecodable as error:
        fault = error
    yield from pipeline.flush()
    if fault is not None:
        raise fault


def _begins(sound: Sound, asked: dict[str, Any]) -> datetime:
    """Say when a recording began: as asked, as it says itself, or when it came less its length."""
    told = datetime.fromisoformat(asked["begins"]) if asked["begins"] else sound.begins()
    if told is not None:
        return told
    came = datetime.fromisoformat(asked["made"])
    try:
        return dates.placed(came - timedelta(seconds=sound.seconds or 0.0)) or came
    except OverflowError:  # what it tells is no length
        return came


def _moment(draft: Draft, asked: dict[str, Any], begins: datetime) -> Moment:
    given = {name: getattr(draft, name) for name in _OF_DRAFT}
    return Moment(
        **given,
        device=asked["device"],
        start=dates.after(begins, draft.at),
        seconds=round(draft.seconds, 3),
        clock="synced",
        origin="upload",
        record=asked["record"],
    )


def read(asked: dict[str, Any]) -> None:
    """Read one recording and say what it holds."""
    length, error = [0.0], None
    try:
        sound = Sound(Path(asked["path"]))
        begins = _begins(sound, asked)

        numbers, key = count(), rows.key(asked["record"])
        with c_libraries_quiet():
            pipeline = Pipeline.load(
                hour_at=lambda at: dates.hour(dates.after(begins, at)),
                new_id=lambda: moment_id(key, next(numbers)),
            )
        if asked["rules"]:
            pipeline.rules = Rules.parse(asked["rules"])
        for draft in _drafts(pipeline, sound, length):
            _say(moment=json.loads(_moment(draft, asked, begins).to_json()))
    except Undecodable as reason:
        error = str(reason)
    except MemoryError:
        error = "The recording takes more memory to read than any should; give fewer channels or a lower rate."
    _say(seconds=round(length[0], 3), error=error)


def _bound_memory() -> None:
    """Have a recording that takes too much memory end here, before it ends the hub."""
    loaded = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most > loaded + _ROOM:
        resource.setrlimit(resource.RLIMIT_AS, (loaded + _ROOM, most))


if __name__ == "__main__":
    os.nice(_NICE)
    _bound_memory()
    read(json.loads(sys.stdin.read()))

"""Reads what was uploaded, one recording after the other, each in a process of its own.

What was being read when the hub ended is read again after its start: a record's moments have the same ids each time,
so nothing is kept twice.
"""

import json
import logging
import queue
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.exc import DatabaseError

from hub.query.filter import Filter
from hub.records import keep
from hub.records.sounds import Sounds
from hub.settings.keep import read as settings_of
from hub.stores.beside import clips, records
from hub.stores.store import Store
from moments import Clip, Moment

_log = logging.getLogger(__name__)

_COMMAND: Final = [sys.executable, "-m", "hub.records.reading"]
_SILENT_S: Final = 120.0
_AFTER_FAILURE_S: Final = 2.0
_TRIES: Final = 4
"""How often the hub fails at a recording, with twice the wait each time, before it counts as unreadable."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAILED: Final = "The recording could not be read: its reader ended. Try another format, for instance WAV or M4A."


class _Erased(Exception):  # noqa: N818
    """The record is gone."""


class Reader:
    """Begins on `start`, looks for work when woken, and leaves the recording in hand on `close`."""

    def __init__(self, store: Store, sounds: Sounds) -> None:
        self._store = store
        self._sounds = sounds
        self._work = threading.Event()
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="reader")

    def start(self) -> None:
        """Begin, with what was not finished."""
        self._work.set()
        self._thread.start()

    def wake(self) -> None:
        """Tell that there is a recording to read."""
        self._work.set()

    def close(self) -> None:
        """End at once; the recording in hand is read again after the next start."""
        self._closing.set()
        self._work.set()
        with self._lock:
            if self._process is not None:
                self._process.kill()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        failed, failures = None, 0
        while not self._closing.is_set():
            self._work.wait()
            self._work.clear()
            row = None
            try:
                while not self._closing.is_set() and (row := self._next()) is not None:
                    if row.id == failed and failures >= _TRIES:
                        keep.settle(self._store, row.id, [], _FAILED)
                    else:
                        self._handle(row)
            except DatabaseError as error:
                _log.error("a recording waits for the store; trying again", extra={"reason": str(error.orig)})
                self._again(_AFTER_FAILURE_S)
            except Exception:  # noqa: BLE001 (whatever it was, the other recordings are read)
                _log.exception("a recording was not read; trying again")
                before, failed = failed, row.id if row else None
                failures = failures + 1 if failed == before else 1
                self._again(_AFTER_FAILURE_S * 2 ** min(failures - 1, 5))

    def _again(self, wait_s: float) -> None:
        self._closing.wait(wait_s)
        self._work.set()

    def _next(self) -> Any:
        unread = records.c.state.in_(("waiting", "reading"))
        asked = keep.seen_by(Filter()).where(unread).order_by(records.c.n).limit(1)
        with self._store.reading() as connection:
            return connection.execute(asked).first()

    def _handle(self, row: Any) -> None:
        if row.clip is None:
            keep.settle(self._store, row.id, [])
            return
        try:
            self._change(row, state="reading")
            made, last = self._read(row)
        except _Erased:
            return
        if self._closing.is_set():
            return
        error = _FAILED if last is None else last["error"]
        seconds = last["seconds"] if last else 0.0
        if seconds > 0:
            with self._store.writing() as connection:
                of_it = (clips.c.sha256 == row.clip) & (clips.c.device == row.device)
                connection.execute(update(clips).where(of_it).values(seconds=seconds))
                connection.execute(update(records).where(records.c.id == row.id).values(seconds=seconds))
            clip = Clip(sha256=row.clip, seconds=seconds, media_type=row.media_type or "application/octet-stream")
            made = [moment.model_copy(update={"clip": clip, "place": keep.place_of(row)}) for moment in made]
        keep.settle(self._store, row.id, made, error)
        _log.info("a recording was read", extra={"seconds": seconds, "moments": len(made), "failed": error is not None})

    def _change(self, row: Any, **values: Any) -> None:
        with self._store.writing() as connection:
            if not connection.execute(update(records).where(records.c.id == row.id).values(values)).rowcount:
                raise _Erased

    def _read(self, row: Any) -> tuple[list[Moment], dict[str, Any] | None]:
        """Have it read; gives the moments, and the reader's last word (None: it ended without)."""
        with self._lock:
            if self._closing.is_set():
                return [], None
            # In a session of its own: Ctrl+C is the hub's to hear. If it ended first, its record would count as failed.
            process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
            self._process = process
        try:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            assert process.stdout is not None  # noqa: S101 - the same
            try:
                with process.stdin as asked:
                    asked.write(json.dumps(self._asked(row)).encode())
            except BrokenPipeError:  # it ended before it was asked
                process.stdout.close()
                return [], None
            return self._follow(row, process)
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._process = None

    def _asked(self, row: Any) -> dict[str, Any]:
        with self._store.reading() as connection:
            rules = settings_of(connection, row.owner or "").rules
        start = keep.start_of(row)
        return {
            "path": str(self._sounds.path(row.clip)),
            "record": str(uuid.UUID(bytes=row.id)),
            "device": row.device,
            "begins": start.isoformat() if start else None,
            "made": (_EPOCH + timedelta(milliseconds=row.made_ms)).astimezone().isoformat(),
            "rules": rules,
        }

    def _follow(self, row: Any, process: "subprocess.Popen[bytes]") -> tuple[list[Moment], dict[str, Any] | None]:
        made: list[Moment] = []
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_pass_on, args=(process, lines), name="reader's words", daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=_SILENT_S)
            except queue.Empty:
                return made, None
            if not line:
                return made, None
            try:
                said = json.loads(line)
                if "moment" in said:
                    made.append(Moment.model_validate(said["moment"]))
                elif "progress" in said:
                    self._change(row, progress=said["progress"])
                else:
                    return made, said
            except (ValueError, ValidationError):  # a line that was cut by the reader's end
                return made, None


def _pass_on(process: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes]") -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout as out:
        for line in out:
            lines.put(line)
    lines.put(b"")

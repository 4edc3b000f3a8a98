"""The folder of clips that wait for the hub: bounded by age and by a share of the disk, marks kept longest.

The clip of a time that nobody knew ages from when the time is first known: its file has the time 0 until then, whatever
the clock said that was not set.
"""

import logging
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.owner.durable import sync
from edge.records.clip import ClosedClip, Label, Safe, UnreadableClip, label_of, sound_of
from moments.disks import is_full

log = logging.getLogger(__name__)

TAIL: Final = ".clip"
_DAY_S: Final = 86_400
_ROOM: Final = 1_000_000
"""Bytes of about a minute's sound; with less, a disk that was full still is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A clip on the shelf: its file, what is written on it, and its bytes on disk."""

    path: Path
    label: Label
    size: int


class Shelf:
    """Every method may be called from any thread. A disk that refuses is a state, told in `trouble`.

    `dropped` counts by reason what the bounds cost (`age`, `size`, `disk`), and files that were no clip (`broken`).
    """

    def __init__(self, folder: Path, safe: Safe, *, max_days: float, max_disk_share: float) -> None:
        self.folder = folder
        self.dropped: Counter[str] = Counter()
        self.trouble: str | None = None
        self._refuses = False
        """Whether `trouble` is that the disk refuses, which may be over by the next tick."""
        self._safe = safe
        self._max_s, self._share = max_days * _DAY_S, max_disk_share
        self._lock = threading.RLock()
        self._kept: dict[str, Kept] = {}
        self._look()

    def _look(self) -> None:
        """Take stock of what an earlier run left. What a power cut left half written goes."""
        paths: list[Path] = []
        try:
            paths = sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            pass  # not made yet
        except OSError as error:
            self.trouble = f"{self.folder}: {error.strerror}; what is there cannot be seen"
        for path in paths:
            try:
                if path.suffix != TAIL:
                    raise UnreadableClip(f"{path} is no clip")
                label = label_of(path)
                self._kept[label.sha256] = Kept(path, label, path.stat().st_size)
            except UnreadableClip:
                if path.suffix in {TAIL, ".part"}:
                    self.dropped["broken"] += path.suffix == TAIL
                    with suppress(OSError):
                        path.unlink()
            except (ClosedClip, OSError) as error:
                self.trouble = f"{error}; it stays there"

    def all(self) -> list[Kept]:
        """Give all clips, those first that are worth most: marks, then the newest."""
        with self._lock:
            return sorted(self._kept.values(), key=lambda kept: kept.label.worth, reverse=True)

    @property
    def used_bytes(self) -> int:
        """Give how much of the disk they take."""
        with self._lock:
            return sum(kept.size for kept in self._kept.values())

    def put(self, label: Label, content: bytes) -> bool:
        """Keep a clip, durably; False when there is no room for it even after others have gone.

        An ordinary one takes the room of ordinary ones alone. Only a full disk costs others; what else it refuses once
        is tried again.
        """
        with self._lock:
            ordinary = label.kind != "mark"
            if not self._bound(len(content), spare_marks=ordinary):
                self._count(label, "size")
                return False
            try:
                self._write(label, content)
            except OSError as error:
                if is_full(error):
                    self._drop_first("disk", spare_marks=ordinary)
                try:
                    self._write(label, content)
                except OSError as error:
                    self._tell_refusal(error, "a clip was not kept")
                    log.error("a clip cannot be kept", extra={"folder": str(self.folder), "reason": str(error)})
                    self.dropped["disk"] += 1
                    return False
            self.trouble, self._refuses = None, False
            self._kept[label.sha256] = Kept(self._path(label.sha256), label, len(content))
            return True

    def sound(self, sha256: str) -> bytes | None:
        """Give the FLAC of a clip; None for one that is not here. Raises UnreadableClip, ClosedClip."""
        with self._lock:
            kept = self._kept.get(sha256)
        return None if kept is None else sound_of(kept.path, self._safe)

    def remove(self, sha256: str) -> None:
        """Take a clip away: the hub has it, or it is broken. Raises OSError where the disk refuses; it stays then."""
        with self._lock:
            kept = self._kept.get(sha256)
            if kept is not None:
                kept.path.unlink(missing_ok=True)
                del self._kept[sha256]

    def erase(
        self,
        *,
        sha256s: Collection[str] = (),
        records: Collection[str] = (),
        moments: Collection[str] = (),
        touching: Callable[[Label], bool] = lambda _: False,
    ) -> int:
        """Erase clips by hash, record, moment, or all that touch a span, which `touching` tells; give their number.

        Raises OSError where the disk refuses one of them, after the others are gone.
        """
        with self._lock:
            gone = [
                kept.label.sha256
                for kept in self._kept.values()
                if kept.label.sha256 in sha256s
                or kept.label.record in records
                or not set(moments).isdisjoint(kept.label.moments)
                or touching(kept.label)
            ]
            refused: OSError | None = None
            for sha256 in gone:
                try:
                    self.remove(sha256)
                except OSError as error:
                    refused = error
            if gone:
                sync(self.folder)
            if refused is not None:
                raise refused
            return len(gone)

    def tick(self, now: float | None) -> None:
        """Let go what is too old, and see whether a disk that refused is well again.

        `now` in Unix seconds, None while the time is not known.
        """
        with self._lock:
            if self._refuses and self._takes():
                self.trouble, self._refuses = None, False
            if now is not None:
                for kept in self.all():
                    if _begin(kept, now) < now - self._max_s:
                        self._drop(kept, "age")
            self._bound(0, spare_marks=False)

    def _path(self, sha256: str) -> Path:
        return self.folder / f"{sha256}{TAIL}"

    def _write(self, label: Label, content: bytes) -> None:
        """Write under another name first, so that a power cut leaves a whole clip or none."""
        self._make_folder()
        part = self.folder / f"{label.sha256}.part"
        try:
            self._fill(part, content, dated=label.begin is not None)
            part.replace(self._path(label.sha256))
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        sync(self.folder)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @staticmethod
    def _fill(path: Path, content: bytes, *, dated: bool = True) -> None:
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content)
            file.flush()
            if not dated:
                os.utime(file.fileno(), (0, 0))
            os.fsync(file.fileno())

    def _takes(self) -> bool:
        """Find out whether the disk has room for a clip, takes a file and lets it go."""
        trial = self.folder / "trial.part"
        try:
            self._make_folder()
            if shutil.disk_usage(self.folder).free < _ROOM:
                return False
            self._fill(trial, b"trial")
            trial.unlink()
        except OSError:
            return False
        return True

    def _tell_refusal(self, error: OSError, what: str) -> None:
        self.trouble, self._refuses = f"{self.folder}: {error.strerror}; {what}", True

    def _bound(self, more: int, *, spare_marks: bool) -> bool:
        """Make room for so many bytes; False when those that may go do not leave enough."""
        try:
            most = shutil.disk_usage(self.folder).total * self._share
        except OSError:  # not made yet
            return True
        while self._kept and self.used_bytes + more > most:
            if not self._drop_first("size", spare_marks=spare_marks):
                return False
        return True

    def _drop_first(self, why: str, *, spare_marks: bool) -> bool:
        """Drop the clip that is worth least; False where none may go, or the disk refuses."""
        first = min(self._kept.values(), key=lambda kept: kept.label.worth, default=None)
        if first is None or (spare_marks and first.label.kind == "mark"):
            return False
        return self._drop(first, why)

    def _drop(self, kept: Kept, why: str) -> bool:
        try:
            self.remove(kept.label.sha256)
        except OSError as error:
            self._tell_refusal(error, "clips cannot be removed")
            return False
        self._count(kept.label, why)
        return True

    def _count(self, label: Label, why: str) -> None:
        self.dropped[why] += 1
        log.warning("a clip was dropped", extra={"bound": why, "kind": label.kind})


def _begin(kept: Kept, now: float) -> float:
    """Say since when a clip ages, where it is Unix time `now`: one of unknown time from the first call on."""
    if kept.label.begin is not None:
        return kept.label.begin
    with suppress(OSError):
        if since := kept.path.stat().st_mtime:
            return since
        os.utime(kept.path, (now, now))
    return now

"""Sound as files beside the database, named by their hash, and what has come of those that are still arriving.

Files are for their owner alone (0600). What is complete stands under its hash; what is not, under `arriving`.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_STRETCH: Final = 1 << 20
_TYPE: Final = re.compile(r"(?:audio|video)/[A-Za-z0-9][A-Za-z0-9.+-]{0,40}")


def sound_type(told: str) -> str:
    """Give the media type of a sound as it is kept: a sender that names neither audio nor video is not believed."""
    named = told.partition(";")[0].strip().lower()
    return named if _TYPE.fullmatch(named) else "application/octet-stream"


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while stretch := file.read(_STRETCH):
            hashed.update(stretch)
    return hashed.hexdigest()


def clip_name(sha256: str, device: str) -> str:
    """Name a clip that is arriving, so that no device goes on where another one began."""
    return f"clip-{sha256}-{hashlib.sha256(device.encode()).hexdigest()[:8]}"


class Sounds:
    """The folder; made when the first sound comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._busy: dict[str, object] = {}

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Keep others, of any thread, from what is arriving under a name; gives False when another has it."""
        mine = object()
        if self._busy.setdefault(name, mine) is not mine:  # one step: two threads never both have it
            yield False
            return
        try:
            yield True
        finally:
            del self._busy[name]

    def path(self, sha256: str) -> Path:
        """Say where a complete sound stands, or would."""
        return self.folder / sha256[:2] / sha256

    def arriving(self, name: str) -> Path:
        """Say where a sound that is still arriving stands, or would."""
        return self.folder / "arriving" / name

    def open(self, name: str, *, afresh: bool = False) -> BinaryIO:
        """Open one that is arriving, at its end. Raises OSError."""
        path = self.arriving(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if afresh else os.O_APPEND)
        return os.fdopen(os.open(path, flags, 0o600), "wb")

    def size(self, name: str) -> int:
        """Give how many bytes of it have arrived."""
        try:
            return self.arriving(name).stat().st_size
        except FileNotFoundError:
            return 0

    def drop(self, name: str) -> None:
        """Forget one that is arriving."""
        self.arriving(name).unlink(missing_ok=True)

    def erase(self, name: str) -> None:
        """Erase one that is arriving: its bytes are overwritten before the file goes."""
        _erase(self.arriving(name))

    def drop_parts(self, device: str) -> None:
        """Erase what is arriving from a device; it begins anew with what it still wants to send."""
        for path in self.arriving("").glob(clip_name("*", device)):
            _erase(path)

    def drop_old(self, before_s: float) -> None:
        """Erase what stopped arriving before a Unix time in seconds."""
        for path in self.arriving("").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s:
                    _erase(path)

    def make_durable(self, name: str) -> None:
        """Have one that has arrived whole on the disk."""
        with self.arriving(name).open("rb+") as file:
            os.fsync(file.fileno())

    def complete(self, name: str, sha256: str) -> None:
        """Take one that has arrived whole, and is durable, under its hash."""
        path = self.path(sha256)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.arriving(name).replace(path)

    def forget(self, sha256: str) -> None:
        """Erase a sound: its bytes are overwritten before the file goes."""
        _erase(self.path(sha256))


def _erase(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        with path.open("rb+") as file:
            left = path.stat().st_size
            while left > 0:
                left -= file.write(bytes(min(left, _STRETCH)))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()

"""What runs keep in a cache: files that are whole or not there, named by the recordings that they were made from."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path

from training.corpora import Sound, Utterance


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Give a path to write to, in the place of which `file` stands at the end.

    A run that is stopped leaves no half of it, and another that reads what was there goes on reading that.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    begun = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        yield begun
        begun.replace(file)
    finally:
        begun.unlink(missing_ok=True)


def digest(paths: Iterable[Path]) -> str:
    """Name recordings, in their order, by eight letters: the last three parts of their paths count.

    Where a data folder stands makes no difference. A recording that took the place of another is not noticed.
    """
    return _eight_letters("/".join(path.parts[-3:]) for path in paths)


def digest_listed(items: Iterable[Utterance | Sound]) -> str:
    """Name recordings, in their order, by eight letters: their paths within their corpora and all that is told of them.

    Answers and weights depend on labels, speakers and folds too.
    """
    return _eight_letters(repr(astuple(replace(item, path=_within(item)))) for item in items)


def _within(item: Utterance | Sound) -> Path:
    return Path(f"/{item.path.as_posix()}".rpartition(f"/{item.corpus}/")[2])  # "." as data folder is in no path


def _eight_letters(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:8]

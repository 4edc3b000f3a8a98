"""What a teacher hears in every utterance, kept on disk so that probes can be fitted in seconds.

`KEY/CORPUS-DIGEST.npy` float16 [utterances, layers, 2 width] and, beside it, `CORPUS-DIGEST.done`: how many are in it,
so that a run that was stopped goes on where it was.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moments.errors import WorkError
from training.corpora import Utterance, read
from training.kept import digest, whole
from training.speech.teachers import Teacher

log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 100


def heard(teacher: Teacher, items: Sequence[Utterance], cache: Path) -> NDArray[np.float16]:
    """Give what a teacher hears in one corpus, from `cache` as far as it is there.

    Raises WorkError where the disk has no room for it.
    """
    folder = cache / teacher.key
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{items[0].corpus}-{digest(item.path for item in items)}"
    file, progress = folder / f"{name}.npy", folder / f"{name}.done"
    done = int(progress.read_text()) if progress.is_file() else 0
    if done == len(items):
        return np.load(file)  # type: ignore[no-any-return]
    first = teacher.hear(read(items[0].path))
    mode: Any = "r+" if done else "w+"
    with _kept(file):
        values = np.lib.format.open_memmap(file, mode=mode, dtype=np.float16, shape=(len(items), *first.shape))
        # Else a full disk ends the run by a signal (SIGBUS) when a page of it is written.
        try:
            with file.open("r+b") as held:
                os.posix_fallocate(held.fileno(), 0, file.stat().st_size)
        except OSError:
            if not done:
                file.unlink()  # it may have taken all the room there was
            raise
    for begin in range(done, len(items), _SAVE_EVERY):
        end = min(begin + _SAVE_EVERY, len(items))
        for place in range(begin, end):
            values[place] = teacher.hear(read(items[place].path))
        with _kept(file):
            values.flush()
            with whole(progress) as begun:
                begun.write_text(str(end))
        log.info("the teacher heard", extra={"corpus": items[0].corpus, "utterances": end, "of": len(items)})
    return np.asarray(values)


@contextmanager
def _kept(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkError(
            f"what the teacher hears cannot be kept in {file} ({error.strerror}); make room there, or give another "
            "--cache"
        ) from error

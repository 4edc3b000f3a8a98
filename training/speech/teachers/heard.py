"""What a teacher hears in every utterance, kept on disk so that probes can be fitted in seconds.

`KEY/CORPUS-DIGEST.npy` float16 [utterances, layers, 2 width] and, beside it, `CORPUS-DIGEST.done`: how many are in it,
so that a run that was stopped goes on where it was.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.corpora import Utterance, read
from training.kept import digest
from training.speech.teachers import Teacher

log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 100


def heard(teacher: Teacher, items: Sequence[Utterance], cache: Path) -> NDArray[np.float16]:
    """Give what a teacher hears in one corpus, from `cache` as far as it is there."""
    folder = cache / teacher.key
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{items[0].corpus}-{digest(item.path for item in items)}"
    file, progress = folder / f"{name}.npy", folder / f"{name}.done"
    done = int(progress.read_text()) if progress.is_file() else 0
    if done == len(items):
        return np.load(file)  # type: ignore[no-any-return]
    first = teacher.hear(read(items[0].path))
    mode: Any = "r+" if done else "w+"
    values = np.lib.format.open_memmap(file, mode=mode, dtype=np.float16, shape=(len(items), *first.shape))
    for begin in range(done, len(items), _SAVE_EVERY):
        end = min(begin + _SAVE_EVERY, len(items))
        for place in range(begin, end):
            values[place] = teacher.hear(read(items[place].path))
        values.flush()
        progress.write_text(str(end))
        log.info("the teacher heard", extra={"corpus": items[0].corpus, "utterances": end, "of": len(items)})
    return np.asarray(values)

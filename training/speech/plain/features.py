"""What the frozen trunk hears in every utterance, kept on disk so that heads can be trained in minutes.

One folder a corpus: `features.npy` float16 [windows, 75, layers, 384] (each pair of positions averaged) and
`done.json`, how many utterances are in it, so that a run that was stopped goes on where it was.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.speech import window_count, windows
from edge.sound import Samples
from training.corpora import Utterance, read
from training.speech.plain.trunk import Trunk
from training.speech.trunk import POSITIONS, WIDTH

log = logging.getLogger(__name__)

PAIRS: Final = POSITIONS // 2
_SAVE_EVERY: Final = 200


@dataclass(frozen=True)
class Features:
    """Features of a list of utterances. `of_window[w]` is the number of the utterance that window w is of."""

    values: NDArray[np.float16]
    of_window: NDArray[np.int64]


def pair(layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """Average each two positions: tensors [b, 150, 384] to [b, 75, layers, 384]."""
    stacked = torch.stack(list(layers), dim=2)
    b, t, n, width = stacked.shape
    return stacked.view(b, t // 2, 2, n, width).mean(dim=2)


def features(trunk: Trunk, items: Sequence[Utterance], folder: Path) -> Features:
    """Give the trunk's features of utterances, from `folder` as far as they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    heard, progress = folder / "features.npy", folder / "done.json"
    state = json.loads(progress.read_text()) if progress.is_file() else {"done": 0}
    if state["done"] == len(items):
        return Features(np.load(heard, mmap_mode="r"), np.repeat(np.arange(len(items)), state["counts"]))
    sounds = [read(item.path) for item in items]
    counts = [window_count(len(sound)) for sound in sounds]
    first = np.concatenate([[0], np.cumsum(counts)])
    shape = (int(first[-1]), PAIRS, trunk.layers, WIDTH)
    done = state["done"]
    mode: Any = "r+" if done else "w+"
    values = np.lib.format.open_memmap(heard, mode=mode, dtype=np.float16, shape=shape)
    for begin in range(done, len(items), _SAVE_EVERY):
        end = min(begin + _SAVE_EVERY, len(items))
        mels = [mel for sound in sounds[begin:end] for mel in windows(sound)]
        values[first[begin] : first[end]] = _run(trunk, mels)
        values.flush()
        progress.write_text(json.dumps({"done": end, "counts": counts}))
        log.info("heard", extra={"corpus": folder.name, "utterances": end, "of": len(items)})
    return Features(values, np.repeat(np.arange(len(items)), counts))


def _run(trunk: Trunk, mels: Sequence[Samples]) -> NDArray[np.float16]:
    outputs = []
    with torch.no_grad():
        for begin in range(0, len(mels), 16):
            batch = torch.from_numpy(np.stack(mels[begin : begin + 16]))
            outputs.append(pair(trunk(batch)).half().numpy())
    return np.concatenate(outputs)

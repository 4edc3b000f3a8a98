"""What the frozen front of the student makes of every utterance, kept on disk so that the rest trains in minutes.

Each corpus is heard as it is and, in more views, in other rooms. One folder a depth, corpus and view: `hidden.npy`
float16 [windows, 150, 384] and `done.json`, how much of it is done, so that a run that was stopped goes on where it
was.
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
from torch import nn

from edge.models.speech import window_count, windows
from training.augment import Rooms
from training.corpora import Utterance, read
from training.speech.trunk import POSITIONS, WIDTH, Block, Front

log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 200


@dataclass(frozen=True)
class View:
    """A list of utterances as the front hears them. `of_window[w]` is the number of the utterance of window w."""

    hidden: NDArray[np.float16]
    of_window: NDArray[np.int64]


def heard(front: Front, items: Sequence[Utterance], folder: Path, rooms: Rooms | None = None, number: int = 0) -> View:
    """Give what a front without blocks makes of utterances, from `folder` as far as it is there.

    With `rooms` each utterance is heard somewhere else, at another place for another `number`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / "done.json"
    state = json.loads(progress.read_text()) if progress.is_file() else {"done": 0}
    if state["done"] < len(items):
        state = _hear(front, items, folder, (rooms, number), state)
    counts = [window_count(length) for length in state["lengths"]]
    return View(np.load(folder / "hidden.npy", mmap_mode="r"), np.repeat(np.arange(len(items)), counts))


def deeper(block: Block, before: View, folder: Path) -> View:
    """Give what a block makes of a view, from `folder` as far as it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / "done.json"
    done = json.loads(progress.read_text())["done"] if progress.is_file() else 0
    mode: Any = "r+" if done else "w+"
    if done < len(before.hidden):
        hidden = np.lib.format.open_memmap(
            folder / "hidden.npy", mode=mode, dtype=np.float16, shape=before.hidden.shape
        )
        for begin in range(done, len(hidden), 1024):
            hidden[begin : begin + 1024] = _run(block, before.hidden[begin : begin + 1024])
            hidden.flush()
            progress.write_text(json.dumps({"done": min(begin + 1024, len(hidden))}))
        log.info("heard on", extra={"view": folder.name, "windows": len(hidden)})
    return View(np.load(folder / "hidden.npy", mmap_mode="r"), before.of_window)


def _hear(
    front: Front, items: Sequence[Utterance], folder: Path, place: tuple[Rooms | None, int], state: dict[str, Any]
) -> dict[str, Any]:
    rooms, number = place
    sounds = [read(item.path) for item in items]
    if rooms is not None:
        sounds = [rooms.put(sound, 1_000_000 * number + seed) for seed, sound in enumerate(sounds)]
    lengths = [len(sound) for sound in sounds]
    first = np.concatenate([[0], np.cumsum([window_count(length) for length in lengths])])
    mode: Any = "r+" if state["done"] else "w+"
    shape = (int(first[-1]), POSITIONS, WIDTH)
    hidden = np.lib.format.open_memmap(folder / "hidden.npy", mode=mode, dtype=np.float16, shape=shape)
    for begin in range(state["done"], len(items), _SAVE_EVERY):
        end = min(begin + _SAVE_EVERY, len(items))
        hidden[first[begin] : first[end]] = _run(front, [mel for sound in sounds[begin:end] for mel in windows(sound)])
        hidden.flush()
        state = {"done": end, "lengths": lengths}
        (folder / "done.json").write_text(json.dumps(state))
        log.info("heard", extra={"view": folder.name, "utterances": end, "of": len(items)})
    return state


@torch.no_grad()
def _run(layers: nn.Module, inputs: Sequence[NDArray[Any]]) -> NDArray[np.float16]:
    outputs = []
    for begin in range(0, len(inputs), 32):
        batch = torch.from_numpy(np.stack(inputs[begin : begin + 32]))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs.append(layers(batch.float()).half().numpy())
    return np.concatenate(outputs)

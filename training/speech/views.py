"""What the frozen trunk of the student hears in every utterance, kept on disk so that heads train in minutes.

Each corpus is heard as it is and, in more views, in other rooms. One folder a depth, corpus and view, with `values.npy`
float16 [windows, …] and `done.json`, how much of it is done, so that a run that was stopped goes on where it was.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.speech import window_count, windows
from training.augment import Rooms
from training.corpora import Utterance, read
from training.speech.trunk import POSITIONS, WIDTH, Trunk

log = logging.getLogger(__name__)

_SAVE_EVERY: Final = 200


@dataclass(frozen=True)
class View:
    """Utterances as they were heard. `of_window[w]` is the number of the utterance that values[w] is a window of."""

    values: NDArray[np.float16]
    of_window: NDArray[np.int64]


def begun(
    trunk: Trunk, items: Sequence[Utterance], folder: Path, rooms: Callable[[], Rooms] | None = None, number: int = 0
) -> View:
    """Give what the convolutions make of utterances, [windows, 150, 384], from `folder` as far as it is there.

    With `rooms`, which are asked for when something is missing, each utterance is heard somewhere else, at another
    place for another `number`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / "done.json"
    state = json.loads(progress.read_text()) if progress.is_file() else {"done": 0}
    if state["done"] < len(items):
        state = _begin(trunk, items, folder, (rooms() if rooms else None, number), state)
    counts = [window_count(length) for length in state["lengths"]]
    return View(np.load(folder / "values.npy", mmap_mode="r"), np.repeat(np.arange(len(items)), counts))


def heard(trunk: Trunk, before: View, folder: Path) -> View:
    """Give what the trunk makes of what the convolutions gave, [windows, 75, layers 384], from `folder` likewise."""
    folder.mkdir(parents=True, exist_ok=True)
    progress = folder / "done.json"
    done = json.loads(progress.read_text())["done"] if progress.is_file() else 0
    if done < len(before.values):
        shape = (len(before.values), POSITIONS // 2, len(trunk.norms) * WIDTH)
        values = _opened(folder, shape, goes_on=done > 0)
        for begin in range(done, len(values), 1024):
            values[begin : begin + 1024] = _run(trunk.hear, before.values[begin : begin + 1024])
            values.flush()
            progress.write_text(json.dumps({"done": min(begin + 1024, len(values))}))
        log.info("heard", extra={"view": folder.name, "windows": len(values)})
    return View(np.load(folder / "values.npy", mmap_mode="r"), before.of_window)


def _begin(
    trunk: Trunk, items: Sequence[Utterance], folder: Path, place: tuple[Rooms | None, int], state: dict[str, Any]
) -> dict[str, Any]:
    rooms, number = place
    sounds = [read(item.path) for item in items]
    if rooms is not None:
        sounds = [rooms.put(sound, 1_000_000 * number + seed) for seed, sound in enumerate(sounds)]
    lengths = [len(sound) for sound in sounds]
    first = np.concatenate([[0], np.cumsum([window_count(length) for length in lengths])])
    values = _opened(folder, (int(first[-1]), POSITIONS, WIDTH), goes_on=state["done"] > 0)
    for begin in range(state["done"], len(items), _SAVE_EVERY):
        end = min(begin + _SAVE_EVERY, len(items))
        mels = [mel for sound in sounds[begin:end] for mel in windows(sound)]
        values[first[begin] : first[end]] = _run(trunk.begin, mels)
        values.flush()
        state = {"done": end, "lengths": lengths}
        (folder / "done.json").write_text(json.dumps(state))
        log.info("begun", extra={"view": folder.name, "utterances": end, "of": len(items)})
    return state


def _opened(folder: Path, shape: tuple[int, ...], *, goes_on: bool) -> NDArray[np.float16]:
    mode: Any = "r+" if goes_on else "w+"
    return np.lib.format.open_memmap(folder / "values.npy", mode=mode, dtype=np.float16, shape=shape)


@torch.no_grad()
def _run(layers: Callable[[torch.Tensor], torch.Tensor], inputs: Sequence[NDArray[Any]]) -> NDArray[np.float16]:
    outputs = []
    for begin in range(0, len(inputs), 32):
        batch = torch.from_numpy(np.stack(inputs[begin : begin + 32]))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs.append(layers(batch.float()).half().numpy())
    return np.concatenate(outputs)

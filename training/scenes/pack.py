"""From a fitted scene net to the file that ships, and what that file answers."""

import contextlib
import copy
import csv
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from edge.models.interpreter import Model
from edge.models.scene_table import audioset_labels
from training.needs import teachers_file
from training.quantise import pack_weights, save
from training.scenes.data import Clips
from training.scenes.net import SceneNet

FRAMES: Final = 501
BANDS: Final = 128
SPAN: Final = (-1.0, 1.5)
"""Where most values of the scaled log-mel lie; the golden input is drawn from it."""

Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Logits of ESC-50's classes [n, 50] and of the chosen AudioSet labels [n, m]."""


def chosen(teachers: Path) -> list[int]:
    """Give AudioSet's index of each label that the table of scenes names, in its order."""
    with teachers_file(teachers / "audioset_labels.csv").open(encoding="utf-8", newline="") as lines:
        index = {row["display_name"]: int(row["index"]) for row in csv.DictReader(lines)}
    return [index[label] for label in audioset_labels()]


def labels(classes: list[str]) -> list[str]:
    """Name the outputs, as the sidecar does: ESC-50's classes in their order, then the AudioSet labels."""
    return [*(f"esc50:{name}" for name in classes), *(f"audioset:{name}" for name in audioset_labels())]


def stacked(nets: Sequence[SceneNet]) -> SceneNet:
    """Put the heads of several folds' nets, whose bodies are the same, into one net: ESC-50's logits [n, folds x 50].

    One conversion then makes the file that all folds are scored with, as each head's rows have their own scales.
    """
    together = copy.deepcopy(nets[0])
    for name in ("esc50", "esc50_hidden"):
        layers = [getattr(net, name) for net in nets]
        bias = layers[0].bias is not None
        head = torch.nn.Linear(layers[0].in_features, sum(layer.out_features for layer in layers), bias=bias)
        with torch.no_grad():
            head.weight.copy_(torch.cat([layer.weight for layer in layers]))
            if bias:
                head.bias.copy_(torch.cat([layer.bias for layer in layers]))
        setattr(together, name, head)
    return together


def quantise(net: SceneNet, teachers: Path) -> bytes:
    """Make the int8 file of a net."""
    small = copy.deepcopy(net)
    small.keep(chosen(teachers))
    return pack_weights(small, (torch.zeros(1, FRAMES, BANDS),))


@contextlib.contextmanager
def opened(file: bytes) -> Iterator[Model]:
    """Open an int8 file that is not on disk."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as stored:
        stored.write(file)
        stored.flush()
        yield Model(Path(stored.name))


def ordered(outputs: Sequence[NDArray[np.float32]]) -> Outputs:
    """Put ESC-50's logits before AudioSet's, which a file may give in either order."""
    esc50, audioset = sorted(outputs, key=lambda output: output.shape[-1] == len(audioset_labels()))
    return esc50, audioset


def answers(file: bytes, clips: Clips, rows: NDArray[np.int64]) -> Outputs:
    """Ask an int8 file about some windows, one by one as the device does."""
    with opened(file) as model:
        heard = [ordered(model(clips.floats(slice(row, row + 1)))) for row in rows]
    return np.concatenate([esc50 for esc50, _ in heard]), np.concatenate([audioset for _, audioset in heard])


def float_answers(net: SceneNet, teachers: Path, clips: Clips, rows: NDArray[np.int64]) -> Outputs:
    """Ask the float net the same."""
    small = copy.deepcopy(net)
    small.keep(chosen(teachers))
    with torch.no_grad():
        heard = [small(torch.from_numpy(clips.floats(part))) for part in np.array_split(rows, max(1, len(rows) // 32))]
    return torch.cat([esc50 for esc50, _ in heard]).numpy(), torch.cat([audioset for _, audioset in heard]).numpy()


def ship(path: Path, file: bytes, classes: list[str], meta: dict[str, Any]) -> None:
    """Write the weights with their sidecar."""
    save(path, file, name="scene-1", labels=labels(classes), meta=meta, span=SPAN, tolerance=0.01)

"""Makes the weights file of a fitted net."""

from pathlib import Path

import torch

from edge.gate.features import BANDS, CARRY, FRESH
from training import quantise
from training.gate.net import LEVELS, NARROW, GateNet
from training.gate.tune import START
from training.names import without_names


def pack(net: GateNet, path: Path, part: str) -> None:
    """Write `path` and its sidecar: the weights in int8, the sums in float; thresholds to begin the tuning with.

    `part`: the recordings that it learned from, "train" or "all", as the sidecar tells.
    For so small a net that is as fast as sums in int8, whose inputs and outputs would have to be scaled.
    """
    example = tuple(torch.zeros(1, *shape) for shape in ((CARRY + FRESH, BANDS), (BANDS,), (LEVELS, NARROW)))
    with torch.no_grad():
        file = without_names(quantise.pack_weights(net.eval(), example))
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {"thresholds": START, "learned": part}
    quantise.save(path, file, name="gate-3", labels=["speech", "near"], meta=meta, span=(0.0, 2.0))

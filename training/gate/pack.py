"""Makes the weights file of a fitted net: int8, with the thresholds recommended to the segmenter."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge.gate.features import CARRY, FRESH, WIDTH
from training import quantise
from training.gate.bank import Bank
from training.gate.fit import calls_of
from training.gate.mix import CALLS, Kind
from training.gate.net import PAST, TOKEN, GateNet
from training.gate.remix import Remixer
from training.gate.tracks import Tracks
from training.gate.tune import START, tune


def pack(net: GateNet, tracks: dict[Kind, Tracks], bank: Bank, path: Path) -> None:
    """Write `path` and its sidecar. What the net learned from sets the ranges of int8 and the thresholds."""
    net.eval()
    example = (torch.zeros(1, CARRY + FRESH, WIDTH), torch.zeros(1, PAST, TOKEN))
    with torch.no_grad():
        file = quantise.to_int8(net, example, _calls(net, tracks))
    path.parent.mkdir(parents=True, exist_ok=True)
    quantise.save(path, file, name="gate-1", labels=["speech", "near"], meta={"thresholds": START}, span=(0.0, 2.0))
    tune(path, bank)


def _calls(net: GateNet, tracks: dict[Kind, Tracks]) -> Iterator[tuple[Tensor, Tensor]]:
    mel = Remixer(tracks, seed=2).batch(np.random.default_rng(2), 40).mel
    for calls in torch.from_numpy(calls_of(mel)):
        _, tokens = net.hear(calls)
        for t in range(PAST, CALLS, 12):
            yield calls[t : t + 1], tokens[None, t - PAST : t]
        yield calls[:1], torch.zeros(1, PAST, TOKEN)

"""Makes the weights file of a fitted net: int8, with the thresholds recommended to the segmenter."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from edge.gate.features import CARRY, FRESH, WIDTH
from training import quantise
from training.gate.bank import Bank
from training.gate.fit import calls_of
from training.gate.mix import CALLS, Mixer
from training.gate.net import PAST, TOKEN, GateNet

_THRESHOLDS: Final = {"speech": {"on": 0.7, "off": 0.35}, "near": {"on": 0.6, "off": 0.3}}
"""Where the segmenter is recommended to begin and end a voice."""


def pack(net: GateNet, bank: Bank, path: Path) -> None:
    """Write `path` and its sidecar. Clips of `bank`, which the net learned from, set the ranges of int8."""
    net.eval()
    example = (torch.zeros(1, CARRY + FRESH, WIDTH), torch.zeros(1, PAST, TOKEN))
    with torch.no_grad():
        file = quantise.to_int8(net, example, _calls(net, bank))
    path.parent.mkdir(parents=True, exist_ok=True)
    quantise.save(
        path, file, name="gate-1", labels=["speech", "near"], meta={"thresholds": _THRESHOLDS}, span=(0.0, 2.0)
    )


def _calls(net: GateNet, bank: Bank) -> Iterator[tuple[Tensor, Tensor]]:
    mixer = Mixer(bank)
    for seed in range(40):
        calls = torch.from_numpy(calls_of(mixer.clip(seed).mel[None].astype(np.float32))[0])
        _, tokens = net.hear(calls)
        for t in range(PAST, CALLS, 12):
            yield calls[t : t + 1], tokens[None, t - PAST : t]
        yield calls[:1], torch.zeros(1, PAST, TOKEN)

"""Fits the gate's net to tracks; goes on where it was interrupted."""

import logging
import math
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from edge.gate.features import CARRY, FRESH, Floats, first_floor, next_floors
from moments.errors import UserError
from training.gate.mix import Kind
from training.gate.net import GateNet
from training.gate.remix import Batch, Remixer
from training.gate.tracks import Tracks
from training.kept import whole
from training.muon import Muon
from training.precision import mixed

log = logging.getLogger(__name__)

CYCLES: Final = ((56, 1.0), (16, 0.5))
"""Epochs of each cycle, and the share of the rate that it rises to and falls from (Loshchilov and Hutter 2017, arXiv
1608.03983)."""
EPOCHS: Final = sum(epochs for epochs, _ in CYCLES)
BATCHES: Final = 300
"""Batches in one epoch: 16 h of sound."""
_BATCH: Final = 16
_RATE: Final = 4e-3
"""Of the matrices; half of it for the rest."""
_DECAY: Final = 1e-2
_RISING: Final = 0.05
"""Share of a cycle in which the rate rises from a twenty-fifth; then it falls to nothing."""
_AVERAGED: Final = 0.9998
"""Share of the old weights in the running average that is kept in the end, one over 17 epochs: weights of high rates
are in it, which know the voices of the training less by heart (Izmailov et al. 2018, arXiv 1803.05407)."""


def calls_of(mel: Floats) -> tuple[Tensor, Tensor]:
    """Cut log-mel into what each call sees, with its floor: [b, FRAMES, 40] to [b, CALLS, 12, 40], [b, CALLS, 40]."""
    windows = np.lib.stride_tricks.sliding_window_view(mel, CARRY + FRESH, axis=1)[:, ::FRESH]
    calls = np.ascontiguousarray(windows.transpose(0, 1, 3, 2))
    return torch.from_numpy(calls), torch.from_numpy(next_floors(first_floor(calls[:, 0]), calls))


def averaged(checkpoint: Path, epochs: int) -> GateNet:
    """Give the net that a checkpoint holds, with its averaged weights. Raises UserError before its last epoch."""
    state = torch.load(checkpoint)
    if state["epochs"] < epochs:
        raise UserError(
            f"{checkpoint} holds {state['epochs']} of {epochs} epochs; run `moodscape train gate fit` with the same "
            "options to its end first"
        )
    net = GateNet()
    net.load_state_dict(state["averaged"])
    return net.eval()


def fit(tracks: dict[Kind, Tracks], checkpoint: Path, epochs: int, batches: int = BATCHES) -> None:
    """Fit a net to tracks, mixed anew for every batch; `checkpoint` holds the state after each epoch of `batches`."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    net, slow_net, remixer = GateNet(), GateNet(), Remixer(tracks, seed=1)
    slow_net.load_state_dict(net.state_dict())
    matrices, rest = _parted(net)
    optimizers = (Muon(matrices, _RATE, _DECAY), torch.optim.AdamW(rest, _RATE / 2, (0.9, 0.95), weight_decay=_DECAY))
    paces = [torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: rate_at(n / batches)) for optimizer in optimizers]
    parts = (net, *optimizers, *paces)
    done = 0
    if checkpoint.exists():
        state: dict[str, Any] = torch.load(checkpoint)
        for part, held in zip((slow_net, *parts), (state["averaged"], *state["parts"]), strict=True):
            part.load_state_dict(held)
        done = state["epochs"]
    for epoch in range(done, epochs):
        rng = np.random.default_rng(epoch)
        begun, losses = time.monotonic(), []
        for _ in range(batches):
            batch = remixer.batch(rng, _BATCH)
            with mixed():
                logits = net.stream(*calls_of(batch.mel)).float()
            loss = _loss(logits, batch)
            net.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            for part in (*optimizers, *paces):
                part.step()
            losses.append(float(loss.detach()))
            remixer.remember(batch.noise, logits[:, :, 0].detach().sigmoid().mean(dim=1).numpy())
            taken = paces[0].last_epoch
            share = min(_AVERAGED, (taken + 1) / (taken + 10))
            with torch.no_grad():
                for slow, fast in zip(slow_net.parameters(), net.parameters(), strict=True):
                    slow.lerp_(fast, 1 - share)
        held = [part.state_dict() for part in parts]
        with whole(checkpoint) as partial:
            torch.save({"epochs": epoch + 1, "averaged": slow_net.state_dict(), "parts": held}, partial)
        log.info(
            "epoch done",
            extra={"epoch": epoch + 1, "loss": round(np.mean(losses), 4), "seconds": round(time.monotonic() - begun)},
        )


def _parted(net: GateNet) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Give the matrices within the net, and the rest: biases, and the last layer, whose rows are answers."""
    matrices = [p for name, p in net.named_parameters() if p.ndim == 2 and not name.startswith("answer.")]
    return matrices, [p for p in net.parameters() if all(p is not matrix for matrix in matrices)]


def rate_at(epoch: float) -> float:
    """Give the share of the full rate at a time, in epochs; after the last cycle it is nothing."""
    for epochs, peak in CYCLES:
        if epoch < epochs:
            rising = _RISING * epochs
            fallen = (1 - math.cos(math.pi * max(0.0, epoch - rising) / (epochs - rising))) / 2
            risen = (1 - math.cos(math.pi * min(1.0, epoch / rising))) / 2
            return peak * (0.04 + 0.96 * risen) * (1 - fallen)
        epoch -= epochs
    return 0.0


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    target, counts = torch.from_numpy(batch.truth), torch.from_numpy(batch.weight)
    each = fn.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * counts).sum() / counts.sum()

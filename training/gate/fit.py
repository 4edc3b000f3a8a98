"""Makes the clips and fits the gate's net to them. Both steps go on where they were interrupted."""

import logging
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as fn

from edge.gate.features import BANDS, CARRY, FRESH, Floats, first_floor, next_floor, over_floor
from training.gate.bank import Bank
from training.gate.mix import Mixer
from training.gate.net import GateNet

log = logging.getLogger(__name__)

_SHARD: Final = 250
_BATCH: Final = 16
_RATE: Final = 2e-3
_AVERAGED: Final = 0.998
"""Share of the old weights in the running average that is kept in the end."""


def mix(bank: Bank, folder: Path, clips: int, seed: int) -> None:
    """Make `clips` clips under `folder`, 250 a file."""
    folder.mkdir(parents=True, exist_ok=True)
    mixer = Mixer(bank)
    for shard in range(-(-clips // _SHARD)):
        path = folder / f"{shard:03}.npz"
        if path.exists():
            continue
        begun = time.monotonic()
        made = [mixer.clip(seed + shard * _SHARD + i) for i in range(_SHARD)]
        partial = path.with_suffix(".partial.npz")
        np.savez(
            partial,
            mel=np.stack([clip.mel for clip in made]),
            truth=np.stack([clip.truth for clip in made]).astype(np.uint8),
            weight=np.stack([clip.weight for clip in made]).astype(np.float16),
        )
        partial.rename(path)
        log.info("clips made", extra={"file": path.name, "seconds": round(time.monotonic() - begun)})


def calls_of(mel: Floats) -> Floats:
    """Cut log-mel into what each call sees, over the tracked floor: [b, FRAMES, 40] to [b, CALLS, 12, 80]."""
    windows = np.lib.stride_tricks.sliding_window_view(mel, CARRY + FRESH, axis=1)[:, ::FRESH]
    calls = np.ascontiguousarray(windows.transpose(0, 1, 3, 2))
    floors = np.empty((*calls.shape[:2], BANDS), np.float32)
    floor = first_floor(calls[:, 0])
    for t in range(calls.shape[1]):
        floor = next_floor(floor, calls[:, t])
        floors[:, t] = floor
    return over_floor(calls, floors)


def averaged(checkpoint: Path) -> GateNet:
    """Give the net that a checkpoint holds, with its averaged weights."""
    net = GateNet()
    net.load_state_dict(torch.load(checkpoint)["averaged"])
    return net.eval()


def fit(clips: Path, checkpoint: Path, epochs: int, begin: Path | None = None) -> None:
    """Fit a net to the clips under a folder; `checkpoint` holds the state after each epoch.

    `begin`: a checkpoint whose averaged weights are the start, instead of chance.
    """
    shards = [np.load(path) for path in sorted(clips.glob("[0-9]*.npz")) if "partial" not in path.name]
    mel, truth, weight = (np.concatenate([s[key] for s in shards]) for key in ("mel", "truth", "weight"))
    torch.manual_seed(1)
    net, slow_net = averaged(begin).train() if begin else GateNet(), GateNet()
    slow_net.load_state_dict(net.state_dict())
    best = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=1e-3)
    total = epochs * (len(mel) // _BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(best, _RATE, total_steps=total, pct_start=0.15)
    done = 0
    if checkpoint.exists():
        state: dict[str, Any] = torch.load(checkpoint)
        for part, key in ((net, "net"), (slow_net, "averaged"), (best, "best"), (pace, "pace")):
            part.load_state_dict(state[key])
        done = state["epochs"]
    for epoch in range(done, epochs):
        rng = np.random.default_rng(epoch)
        begun, losses = time.monotonic(), []
        order = rng.permutation(len(mel))
        for start in range(0, len(mel) - _BATCH + 1, _BATCH):
            pick = np.sort(order[start : start + _BATCH])
            frames = torch.from_numpy(calls_of(_other_microphones(rng, mel[pick].astype(np.float32))))
            loss = _loss(net.stream(frames), truth[pick], weight[pick])
            best.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            best.step()
            pace.step()
            losses.append(float(loss.detach()))
            share = min(_AVERAGED, (pace.last_epoch + 1) / (pace.last_epoch + 10))
            with torch.no_grad():
                for slow, fast in zip(slow_net.parameters(), net.parameters(), strict=True):
                    slow.lerp_(fast, 1 - share)
        state = {"net": net, "averaged": slow_net, "best": best, "pace": pace}
        partial = checkpoint.with_suffix(".partial")
        torch.save({"epochs": epoch + 1, **{key: part.state_dict() for key, part in state.items()}}, partial)
        partial.rename(checkpoint)
        log.info(
            "epoch done",
            extra={"epoch": epoch + 1, "loss": round(np.mean(losses), 4), "seconds": round(time.monotonic() - begun)},
        )


def _loss(logits: Tensor, truth: NDArray[np.uint8], weight: NDArray[np.float16]) -> Tensor:
    target, counts = torch.from_numpy(truth.astype(np.float32)), torch.from_numpy(weight.astype(np.float32))
    each = fn.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * counts).sum() / counts.sum()


def _other_microphones(rng: np.random.Generator, mel: Floats) -> Floats:
    """Bend each clip's spectrum by up to 6 dB: every epoch is heard through other microphones."""
    knots = rng.normal(0, 0.5, (len(mel), 6))
    places = np.linspace(0, 5, BANDS)
    bends = np.stack([np.interp(places, np.arange(6), k) for k in knots]).astype(np.float32)
    bent: Floats = np.maximum(mel + bends[:, None, :], np.float32(np.log(1e-8)))
    return bent

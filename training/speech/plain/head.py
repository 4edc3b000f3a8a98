"""The part of the speech model that is trained: layers to emotions."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from moments import EMOTIONS
from training.corpora import Utterance
from training.speech.plain.features import Features
from training.speech.pooling import Pooling

log = logging.getLogger(__name__)

_OFF: Final = -1e4


@dataclass(frozen=True)
class Recipe:
    """How a head is made. `share`: which part of a corpus' utterances one epoch sees."""

    channels: int = 192
    epochs: int = 18
    batch: int = 64
    rate: float = 1.5e-3
    decay: float = 0.05
    dropout: float = 0.3
    mixup: float = 0.4
    positions: int = 18
    average: float = 0.995
    smoothing: float = 0.05
    share: tuple[tuple[str, float], ...] = (("ravdess", 1.0), ("nemo", 0.5), ("tess", 0.25), ("turev", 0.4))


class Head(nn.Module):
    """[b, t, layers, 384] to logits [b, 8] in the order of `moments.EMOTIONS`."""

    def __init__(self, layers: int, channels: int = 192, dropout: float = 0.3) -> None:
        super().__init__()
        self.pooling = Pooling(layers, channels, dropout)
        self.norm = nn.LayerNorm(2 * channels)
        self.drop = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * channels, len(EMOTIONS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool over time and name."""
        logits: torch.Tensor = self.classify(self.drop(self.norm(self.pooling(x))))
        return logits


@dataclass(frozen=True)
class Part:
    """One corpus to train on: features of all its utterances and which of them are used."""

    features: Features
    items: Sequence[Utterance]
    used: NDArray[np.bool_]

    @property
    def corpus(self) -> str:
        """Its name."""
        return self.items[0].corpus


def classes(items: Sequence[Utterance]) -> torch.Tensor:
    """Which emotions a corpus has: bool [8]."""
    known = {item.emotion for item in items}
    return torch.tensor([emotion in known for emotion in EMOTIONS])


def train_head(parts: Sequence[Part], recipe: Recipe, seed: int = 0) -> Head:
    """Train a head on the used utterances of several corpora, whose labels may be part of the eight.

    A corpus with fewer emotions is a softmax over those it has. Gives the moving average of the weights.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layers = parts[0].features.values.shape[2]
    head = Head(layers, recipe.channels, recipe.dropout)
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    averaged = torch.optim.swa_utils.AveragedModel(head, multi_avg_fn=average)
    optimiser = torch.optim.AdamW(head.parameters(), recipe.rate, weight_decay=recipe.decay)
    tables = [_Table.of(part) for part in parts]
    steps = sum(table.per_epoch(recipe) for table in tables) // recipe.batch * recipe.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps + 2, pct_start=0.15)
    for epoch in range(recipe.epochs):
        head.train()
        order = np.concatenate([table.draw(number, recipe, rng) for number, table in enumerate(tables)])
        rng.shuffle(order)
        total = 0.0
        batches = len(order) // recipe.batch
        for chosen in np.array_split(order[: batches * recipe.batch], max(batches, 1)):
            x, y, masks = _batch(tables, chosen, recipe.positions, rng)
            swap = torch.from_numpy(rng.permutation(len(x)))
            weight = float(rng.beta(recipe.mixup, recipe.mixup))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = head(weight * x + (1 - weight) * x[swap]).float()
            loss = weight * label_loss(logits, y, masks, recipe.smoothing)
            loss = loss + (1 - weight) * label_loss(logits, y[swap], masks[swap], recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            averaged.update_parameters(head)
            total += loss.item()
        loss_now = round(total / max(batches, 1), 4)
        log.info("epoch", extra={"number": epoch + 1, "of": recipe.epochs, "loss": loss_now})
    trained: Head = averaged.module.eval()
    return trained


@dataclass(frozen=True)
class _Table:
    corpus: str
    values: NDArray[np.float16]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    mask: torch.Tensor

    @classmethod
    def of(cls, part: Part) -> "_Table":
        labels = np.array([EMOTIONS.index(item.emotion) for item in part.items])
        owners = part.features.of_window
        rows = np.flatnonzero(part.used[owners])
        return cls(part.corpus, part.features.values, rows, labels[owners], classes(part.items))

    def per_epoch(self, recipe: Recipe) -> int:
        return round(dict(recipe.share).get(self.corpus, 1.0) * len(self.rows))

    def draw(self, number: int, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.int64]:
        rows = rng.choice(self.rows, self.per_epoch(recipe), replace=False)
        return np.stack([np.full(len(rows), number), rows], axis=1)


def _batch(
    tables: Sequence[_Table], chosen: NDArray[np.int64], positions: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Take windows and, of each, a part of its positions: it saves time and is an augmentation too."""
    span = tables[0].values.shape[1]
    kept = np.sort(rng.choice(span, min(positions, span), replace=False))
    x = np.stack([tables[number].values[row][kept] for number, row in chosen])
    y = torch.tensor([int(tables[number].labels[row]) for number, row in chosen])
    return torch.from_numpy(x).bfloat16(), y, torch.stack([tables[number].mask for number, _ in chosen])


def label_loss(logits: torch.Tensor, y: torch.Tensor, masks: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Mean cross-entropy of logits [b, 8] and labels [b] among the emotions that `masks` [b, 8] have, smoothed."""
    logs = logits.masked_fill(~masks, _OFF).log_softmax(dim=-1)
    right = logs.gather(1, y[:, None]).squeeze(1)
    even = (logs * masks).sum(dim=-1) / masks.sum(dim=-1)
    return -((1 - smoothing) * right + smoothing * even).mean()

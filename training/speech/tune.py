"""Trains the student's last block and head on what the front heard, after labels and a teacher at once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from moments import EMOTIONS
from training.corpora import Utterance
from training.speech.probe import balanced
from training.speech.student import Ear, Size, fresh_ear
from training.speech.targets import label_loss, log_shares
from training.speech.trunk import Last
from training.speech.views import View

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a student is trained. `share`: which part of a corpus' utterances one epoch sees.

    `teach`: weight of the teacher's soft labels against the labels, `follow`: weight of the teacher's features.
    `pairs`: how many of a window's 75 pairs of positions one step sees, drawn anew each time. `mask`: the longest span
    of those positions and of channels that is flattened (SpecAugment, Park et al. 2019, arXiv 1904.08779, on what the
    front gives).
    """

    epochs: int = 10
    batch: int = 32
    rate: float = 2e-3
    block_rate: float = 3e-4
    decay: float = 0.05
    mixup: float = 0.2
    pairs: int = 30
    mask: tuple[int, int] = (12, 40)
    average: float = 0.99
    smoothing: float = 0.05
    teach: float = 0.4
    softness: float = 2.0
    follow: float = 0.3
    share: tuple[tuple[str, float], ...] = (("ravdess", 1.0), ("nemo", 0.5), ("tess", 0.5), ("turev", 0.5))


@dataclass(frozen=True)
class Lesson:
    """What one corpus teaches: its utterances in several views, which are used, and the targets of each.

    `views[0]` is the corpus as it is. `right`, `known`: see `targets`, [n, 8] and [8]. `soft` [n, 8]: the teacher's
    logits; `vector` [n, width]: its features.
    """

    items: Sequence[Utterance]
    views: Sequence[View]
    used: NDArray[np.bool_]
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    soft: NDArray[np.float32]
    vector: NDArray[np.float32]

    @property
    def corpus(self) -> str:
        """Its name."""
        return self.items[0].corpus

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Weights [n] that make its labels count alike; their mean over the used is one."""
        own = balanced([self.right[self.used]])
        weights = np.zeros(len(self.items), np.float32)
        weights[self.used] = own * len(own)
        return weights

    def draw(self, recipe: Recipe, rng: np.random.Generator) -> list[tuple[int, int, int]]:
        """Draw (utterance, view, window) of as many utterances as an epoch sees."""
        used = np.flatnonzero(self.used)
        count = round(dict(recipe.share).get(self.corpus, 1.0) * len(used))
        drawn = []
        for item in rng.choice(used, count, replace=False):
            view = int(rng.integers(len(self.views)))
            first, last = np.searchsorted(self.views[view].of_window, [item, item + 1])
            drawn.append((int(item), view, int(rng.integers(first, last))))
        return drawn


@dataclass(frozen=True)
class _Batch:
    hidden: torch.Tensor
    right: torch.Tensor
    known: torch.Tensor
    soft: torch.Tensor
    vector: torch.Tensor
    weight: torch.Tensor

    def swapped(self, order: torch.Tensor) -> "_Batch":
        fields = (self.hidden, self.right, self.known, self.soft, self.vector, self.weight)
        return _Batch(*(values[order] for values in fields))


def train_ear(last: Last, size: Size, lessons: Sequence[Lesson], recipe: Recipe, seed: int = 0) -> Ear:
    """Train an ear that begins with the teacher's block. Gives the moving average of the weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    ear = fresh_ear(
        last, size, _batch(lessons, [(0, *d) for d in lessons[0].draw(recipe, rng)[:32]], recipe, rng).hidden
    )
    follow = torch.nn.Linear(2 * size.channels, lessons[0].vector.shape[1])
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    averaged = torch.optim.swa_utils.AveragedModel(ear, multi_avg_fn=ema)
    rates = [recipe.block_rate, recipe.rate]
    groups = [ear.last.parameters(), [*ear.head.parameters(), *follow.parameters()]]
    optimiser = torch.optim.AdamW(
        [{"params": list(group), "lr": rate} for group, rate in zip(groups, rates, strict=True)],
        weight_decay=recipe.decay,
    )
    steps = sum(len(lesson.draw(recipe, rng)) for lesson in lessons) // recipe.batch * recipe.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=max(steps, 10) + 2, pct_start=0.15)
    for epoch in range(recipe.epochs):
        ear.train()
        drawn = [(number, *one) for number, lesson in enumerate(lessons) for one in lesson.draw(recipe, rng)]
        order = rng.permutation(len(drawn))[: max(1, len(drawn) // recipe.batch) * recipe.batch]
        total = 0.0
        parts = np.array_split(order, max(1, len(order) // recipe.batch))
        for part in parts:
            batch = _batch(lessons, [drawn[i] for i in part], recipe, rng)
            other = batch.swapped(torch.from_numpy(rng.permutation(len(part))))
            weight = float(rng.beta(recipe.mixup, recipe.mixup))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                pooled = ear.head.pool(ear.last(weight * batch.hidden + (1 - weight) * other.hidden))
                logits, vector = ear.head.name(pooled).float(), follow(pooled).float()
            loss = weight * _loss(logits, vector, batch, recipe) + (1 - weight) * _loss(logits, vector, other, recipe)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(ear.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(ear)
            total += loss.item()
        log.info("epoch", extra={"number": epoch + 1, "of": recipe.epochs, "loss": round(total / len(parts), 4)})
    trained: Ear = averaged.module.eval()
    return trained


@torch.no_grad()
def answers(ear: Ear, view: View, used: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give the logits of the used utterances, each the mean of its windows: float32 [used, 8]."""
    rows = np.flatnonzero(used[view.of_window])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [
            ear(torch.from_numpy(view.hidden[rows[i : i + 64]]).bfloat16()).float() for i in range(0, len(rows), 64)
        ]
    owners = view.of_window[rows]
    sums = np.zeros((len(used), len(EMOTIONS)), np.float32)
    np.add.at(sums, owners, torch.cat(parts).numpy())
    return (sums / np.maximum(np.bincount(owners, minlength=len(used)), 1)[:, None])[used]


def _batch(
    lessons: Sequence[Lesson], chosen: Sequence[tuple[int, int, int, int]], recipe: Recipe, rng: np.random.Generator
) -> _Batch:
    hidden = []
    for number, _, view, window in chosen:
        seen = lessons[number].views[view]
        kept = np.sort(rng.choice(seen.hidden.shape[1] // 2, recipe.pairs, replace=False))
        positions = np.stack([2 * kept, 2 * kept + 1], axis=1).ravel()
        hidden.append(_masked(seen.hidden[window][positions].astype(np.float32), recipe, rng))
    items = [(lessons[number], item) for number, item, *_ in chosen]
    return _Batch(
        torch.from_numpy(np.stack(hidden)).bfloat16(),
        torch.from_numpy(np.stack([lesson.right[item] for lesson, item in items])),
        torch.from_numpy(np.stack([lesson.known for lesson, _ in items])),
        torch.from_numpy(np.stack([lesson.soft[item] for lesson, item in items])),
        torch.from_numpy(np.stack([lesson.vector[item] for lesson, item in items])),
        torch.tensor([lesson.weights[item] for lesson, item in items]),
    )


def _masked(hidden: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Flatten a span of positions and one of channels to their means over time: [t, 384] to the same."""
    mean = hidden.mean(axis=0)
    for axis, longest in enumerate(recipe.mask):
        length = int(rng.integers(longest + 1))
        begin = int(rng.integers(hidden.shape[axis] - length + 1))
        span = slice(begin, begin + length)
        if axis == 0:
            hidden[span] = mean
        else:
            hidden[:, span] = mean[span]
    return hidden


def _loss(logits: torch.Tensor, vector: torch.Tensor, batch: _Batch, recipe: Recipe) -> torch.Tensor:
    label = label_loss(logits, batch.right, batch.known, recipe.smoothing)
    shares = log_shares(batch.soft / recipe.softness, batch.known).exp()
    logs = log_shares(logits / recipe.softness, batch.known)
    soft = -(shares * logs).sum(dim=-1) * recipe.softness
    apart = 1 - functional.cosine_similarity(vector, batch.vector, dim=-1)
    total = (1 - recipe.teach) * label + recipe.teach * soft + recipe.follow * apart
    return (batch.weight * total).mean()

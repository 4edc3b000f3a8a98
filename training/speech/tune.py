"""Trains the student's head on what the frozen trunk heard, after labels and a teacher at once."""

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
from training.speech.student import Head, Size
from training.speech.targets import label_loss, log_shares
from training.speech.views import View

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a head is trained. `share`: which part of a corpus' windows one epoch sees, of all its views.

    `teach`: weight of the teacher's soft labels against the labels, `follow`: weight of the teacher's features.
    `smoothing`: of a corpus' labels; more where few speakers say how sure one may be of a stranger.
    `positions`: how many of a window's 75 positions one step sees, drawn anew each time.
    """

    epochs: int = 20
    batch: int = 64
    rate: float = 1.5e-3
    decay: float = 0.05
    dropout: float = 0.3
    mixup: float = 0.4
    positions: int = 16
    average: float = 0.995
    smoothing: tuple[tuple[str, float], ...] = (("ravdess", 0.05), ("nemo", 0.2))
    teach: float = 0.4
    softness: float = 2.0
    follow: float = 0.1
    share: tuple[tuple[str, float], ...] = (("ravdess", 0.5), ("nemo", 0.35))

    @property
    def distils(self) -> bool:
        """Whether a teacher has a say."""
        return self.teach > 0 or self.follow > 0


@dataclass(frozen=True)
class Lesson:
    """What one corpus teaches: its utterances in several views, which are used, and the targets of each.

    `views[0]` is the corpus as it is; another may have a part of its utterances alone. `right`, `known`: see `targets`,
    [n, 8] and [8]. `soft` [n, 8]: the teacher's logits; `vector` [n, width]: its features; NaN where it says nothing.
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

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The windows of used utterances: (view, window) [n, 2]."""
        found = [np.flatnonzero(self.used[view.of_window]) for view in self.views]
        return np.concatenate([np.stack([np.full(len(own), v), own], axis=1) for v, own in enumerate(found)])

    def draw(self, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw (view, window) [n, 2] of what an epoch sees."""
        count = round(dict(recipe.share).get(self.corpus, 1.0) * len(self.rows))
        return rng.choice(self.rows, count, replace=False)


@dataclass(frozen=True)
class _Targets:
    right: torch.Tensor
    known: torch.Tensor
    soft: torch.Tensor
    vector: torch.Tensor
    weight: torch.Tensor
    smoothing: torch.Tensor

    def swapped(self, order: torch.Tensor) -> "_Targets":
        fields = (self.right, self.known, self.soft, self.vector, self.weight, self.smoothing)
        return _Targets(*(values[order] for values in fields))


def train_head(size: Size, lessons: Sequence[Lesson], recipe: Recipe, seed: int = 0) -> Head:
    """Train a head, each of its members on its own loss. Gives the moving average of the weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = Head(size, recipe.dropout)
    follow = torch.nn.Linear(2 * size.channels, lessons[0].vector.shape[1])
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
    averaged = torch.optim.swa_utils.AveragedModel(head, multi_avg_fn=ema)
    parameters = [*head.parameters(), *follow.parameters()]
    optimiser = torch.optim.AdamW(parameters, recipe.rate, weight_decay=recipe.decay, fused=True)
    steps = sum(len(lesson.draw(recipe, rng)) for lesson in lessons) // recipe.batch * recipe.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=max(steps, 10) + 2, pct_start=0.15
    )
    for epoch in range(recipe.epochs):
        head.train()
        drawn = [np.insert(lesson.draw(recipe, rng), 0, number, axis=1) for number, lesson in enumerate(lessons)]
        shuffled = rng.permutation(np.concatenate(drawn))
        batches = max(1, len(shuffled) // recipe.batch)
        total = 0.0
        for part in np.array_split(shuffled[: batches * recipe.batch], batches):
            heard, targets = _batch(lessons, part, recipe, rng)
            order = torch.from_numpy(rng.permutation(len(part)))
            others = targets.swapped(order)
            weight = float(rng.beta(recipe.mixup, recipe.mixup))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                projected = head.project(heard)
            # Mixing what goes into a linear layer is mixing what comes out of it, of which there is less.
            each = head.each(torch.lerp(projected[order].float(), projected.float(), weight))
            pooled, logits = (torch.stack(part, dim=1) for part in zip(*each, strict=True))
            parts = ((weight, targets), (1 - weight, others))
            loss = sum(share * _loss(logits, follow(pooled), own, recipe) for share, own in parts)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            averaged.update_parameters(head)
            total += loss.item()
        log.info("epoch", extra={"number": epoch + 1, "of": recipe.epochs, "loss": round(total / batches, 4)})
    trained: Head = averaged.module.eval()
    return trained


@torch.no_grad()
def answers(head: Head, view: View, used: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give the logits of the used utterances, each the mean of its windows: float32 [used, 8]."""
    rows = np.flatnonzero(used[view.of_window])
    parts = [head(torch.from_numpy(view.values[rows[i : i + 64]]).float()) for i in range(0, len(rows), 64)]
    owners = view.of_window[rows]
    sums = np.zeros((len(used), len(EMOTIONS)), np.float32)
    np.add.at(sums, owners, torch.cat(parts).numpy())
    return (sums / np.maximum(np.bincount(owners, minlength=len(used)), 1)[:, None])[used]


def _batch(
    lessons: Sequence[Lesson], chosen: NDArray[np.int64], recipe: Recipe, rng: np.random.Generator
) -> tuple[torch.Tensor, _Targets]:
    """Take (lesson, view, window) [n, 3], of each a part of its positions: it saves time and is an augmentation too."""
    span = lessons[0].views[0].values.shape[1]
    kept = np.sort(rng.choice(span, min(recipe.positions, span), replace=False))
    seen = [(lessons[number], lessons[number].views[view], window) for number, view, window in chosen]
    items = [(lesson, view.of_window[window]) for lesson, view, window in seen]
    heard = torch.from_numpy(np.stack([view.values[window][kept] for _, view, window in seen])).bfloat16()
    return heard, _Targets(
        torch.from_numpy(np.stack([lesson.right[item] for lesson, item in items])),
        torch.from_numpy(np.stack([lesson.known for lesson, _ in items])),
        torch.from_numpy(np.stack([lesson.soft[item] for lesson, item in items])),
        torch.from_numpy(np.stack([lesson.vector[item] for lesson, item in items])),
        torch.tensor([lesson.weights[item] for lesson, item in items]),
        torch.tensor([dict(recipe.smoothing).get(lesson.corpus, 0.0) for lesson, _ in items]),
    )


def _loss(logits: torch.Tensor, vector: torch.Tensor, targets: _Targets, recipe: Recipe) -> torch.Tensor:
    """Sum over the members of the loss, for logits [b, members, 8] and features [b, members, width]."""
    known = targets.known[:, None]
    label = label_loss(logits, targets.right[:, None], known, targets.smoothing[:, None])
    told = targets.soft.isfinite().all(dim=1, keepdim=True)
    shares = log_shares(targets.soft.nan_to_num()[:, None] / recipe.softness, known).exp()
    logs = log_shares(logits / recipe.softness, known)
    soft = -(shares * logs).sum(dim=-1) * recipe.softness
    apart = 1 - functional.cosine_similarity(vector, targets.vector.nan_to_num()[:, None], dim=-1)
    total = label + told * (recipe.teach * (soft - label) + recipe.follow * apart)
    return (targets.weight[:, None] * total).mean(dim=0).sum()

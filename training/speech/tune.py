"""Trains a student: first its head on the encoder as it is, then everything, after labels and a teacher at once.

A head that is not fitted yet would drag the encoder away from what it knows (Kumar et al. 2022, arXiv 2202.10054). The
lower a layer stands, the smaller its steps.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from training.kept import whole
from training.precision import mixed
from training.speech.lesson import Lesson
from training.speech.mels import bent, coloured, masked
from training.speech.student import Student
from training.speech.targets import label_loss, log_shares

log = logging.getLogger(__name__)

Weights = dict[str, torch.Tensor]
Groups = list[dict[str, Any]]
Row = tuple[int, int, int]
"""A window to hear: which lesson, view, and place in that."""

_WARM_UP: Final = 0.1
"""The share of all steps in which the rates rise; then they fall along a cosine."""
_CLIP: Final = 1.0


@dataclass(frozen=True)
class Recipe:
    """How a student is trained.

    First the head alone at `rate_alone`, `epochs_alone` times on what the encoder hears in `hearings` epochs' worth of
    windows, each time in `positions` of their 75 positions. Then everything: `rate_head`, `rate_top` and `rate_bottom`
    are of head, last block and convolutions. `average`: share of the old weights in the running average that is kept in
    the end. `bend`, `colour`, `gain`: how much voices, microphones and levels differ. `smoothing`: of a corpus' labels;
    more where few speakers say how sure one may be of a stranger. `teach`: weight of the teacher's soft labels against
    the labels, `follow`: of its features. `heard`: for each corpus how many utterances an epoch draws as they are, and
    how many elsewhere.
    """

    epochs_alone: int = 18
    batch_alone: int = 64
    rate_alone: float = 1.5e-3
    hearings: int = 3
    positions: int = 18
    epochs: int = 8
    batch: int = 16
    rate_head: float = 3e-4
    rate_top: float = 1.5e-4
    rate_bottom: float = 4e-5
    decay: float = 0.01
    mixup: float = 0.4
    average: float = 0.99
    bend: float = 0.08
    colour: float = 0.1
    gain: float = 0.05
    smoothing: tuple[tuple[str, float], ...] = (("ravdess", 0.1), ("nemo", 0.2), ("tess", 0.2), ("turev", 0.2))
    teach: float = 0.4
    softness: float = 2.0
    follow: float = 0.1
    heard: tuple[tuple[str, tuple[int, int]], ...] = (
        ("ravdess", (600, 600)),
        ("nemo", (400, 240)),
        ("tess", (180, 90)),
        ("turev", (140, 70)),
    )

    @property
    def distils(self) -> bool:
        """Whether a teacher has a say."""
        return self.teach > 0 or self.follow > 0


class Learner(nn.Module):
    """A student, and the layer by which what it pools is compared with a teacher's features of `width`."""

    def __init__(self, student: Student, width: int) -> None:
        super().__init__()
        self.student = student
        self.follow = nn.Linear(student.head.classify.in_features, width)


def trained(student: Student, lessons: Sequence[Lesson], recipe: Recipe, state: Path, seed: int = 0) -> Student:
    """Train a student in place and give it with its averaged weights.

    What an epoch leaves is kept in the folder `state`, from where a run that was stopped goes on.
    """
    state.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    learner = Learner(student, lessons[0].vector.shape[1])
    if not (state / "head.pt").is_file():
        fitted = _head_fitted(learner, lessons, recipe, np.random.default_rng((seed, 0)))
        with whole(state / "head.pt") as begun:
            torch.save(fitted, begun)
    learner.load_state_dict(torch.load(state / "head.pt"))
    torch.manual_seed(seed)
    learner.load_state_dict(_all_trained(learner, lessons, recipe, state / "all.pt", np.random.default_rng((seed, 1))))
    return student.eval().requires_grad_(requires_grad=False)


def _head_fitted(learner: Learner, lessons: Sequence[Lesson], recipe: Recipe, rng: np.random.Generator) -> Weights:
    """Train the head on the encoder as it is, which hears each window once."""
    learner.student.trunk.requires_grad_(requires_grad=False)
    above = [*learner.student.head.parameters(), *learner.follow.parameters()]
    steps = _Steps(learner, [{"params": above, "lr": recipe.rate_alone}], recipe)
    rows = _drawn(lessons, recipe, rng, recipe.hearings)
    parts = [rows[begin : begin + recipe.batch_alone] for begin in range(0, len(rows), recipe.batch_alone)]
    heard = torch.cat([_heard(learner, lessons, part, recipe, rng).bfloat16() for part in parts])  # half the memory
    learner.train()
    batches = max(1, len(rows) // recipe.batch_alone)
    for epoch in range(recipe.epochs_alone):
        for number, chosen in enumerate(np.array_split(rng.permutation(len(rows)), batches)):
            kept = np.sort(rng.choice(heard.shape[1], recipe.positions, replace=False))
            x = heard[torch.from_numpy(chosen)][:, torch.from_numpy(kept)].float()
            loss = _loss(learner, x, _Targets.of(lessons, [rows[place] for place in chosen], recipe), recipe, rng)
            steps.take(loss, (epoch + number / batches) / recipe.epochs_alone)
    log.info("head fitted", extra={"windows": len(rows), "loss": round(loss.item(), 4)})
    return steps.averaged


def _all_trained(
    learner: Learner, lessons: Sequence[Lesson], recipe: Recipe, state: Path, rng: np.random.Generator
) -> Weights:
    """Train everything on from a fitted head."""
    learner.student.trunk.requires_grad_(requires_grad=True)
    steps = _Steps(learner, _everything(learner, recipe), recipe)
    begin = 0
    if state.is_file():
        kept = torch.load(state, weights_only=False)
        learner.load_state_dict(kept["learner"])
        steps.optimiser.load_state_dict(kept["optimiser"])
        rng.bit_generator.state = kept["rng"]
        torch.set_rng_state(kept["torch"])
        steps.averaged, steps.taken, begin = kept["averaged"], kept["taken"], kept["epoch"]
    learner.train()
    for epoch in range(begin, recipe.epochs):
        rows = _drawn(lessons, recipe, rng, 1)
        batches = max(1, len(rows) // recipe.batch)
        total = 0.0
        for number, places in enumerate(np.array_split(np.arange(len(rows)), batches)):
            chosen = [rows[place] for place in places]
            x = _heard(learner, lessons, chosen, recipe, rng)
            loss = _loss(learner, x, _Targets.of(lessons, chosen, recipe), recipe, rng)
            steps.take(loss, (epoch + number / batches) / recipe.epochs)
            total += loss.item()
        weights = {"learner": learner.state_dict(), "optimiser": steps.optimiser.state_dict()}
        draws = {"rng": rng.bit_generator.state, "torch": torch.get_rng_state()}
        with whole(state) as begun:
            torch.save(weights | draws | {"averaged": steps.averaged, "taken": steps.taken, "epoch": epoch + 1}, begun)
        log.info("epoch", extra={"number": epoch + 1, "of": recipe.epochs, "loss": round(total / batches, 4)})
    return steps.averaged


class _Steps:
    """An optimiser, and the moving average of all weights of what it trains."""

    def __init__(self, learner: Learner, groups: Groups, recipe: Recipe) -> None:
        self.learner, self.average = learner, recipe.average
        self.optimiser = torch.optim.AdamW(groups, weight_decay=recipe.decay, fused=True)
        self.peaks = [group["lr"] for group in self.optimiser.param_groups]
        self.averaged = {name: value.clone() for name, value in learner.state_dict().items()}
        self.taken = 0

    def take(self, loss: torch.Tensor, done: float) -> None:
        """Take one step; `done`: the share of all steps that are behind."""
        fall = max(0.0, (done - _WARM_UP) / (1 - _WARM_UP))
        rate = min(1.0, done / _WARM_UP) * 0.5 * (1 + float(np.cos(np.pi * fall)))
        for group, peak in zip(self.optimiser.param_groups, self.peaks, strict=True):
            group["lr"] = peak * rate
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), _CLIP)
        self.optimiser.step()
        share = 1 - min(self.average, (1 + self.taken) / (10 + self.taken))
        self.taken += 1
        with torch.no_grad():
            for name, value in self.learner.state_dict().items():
                self.averaged[name].lerp_(value, share)


def _drawn(lessons: Sequence[Lesson], recipe: Recipe, rng: np.random.Generator, epochs: int) -> list[Row]:
    """What so many epochs hear, as far as there is as much, in their order."""
    heard = dict(recipe.heard)
    drawn = [
        (number, *row)
        for number, lesson in enumerate(lessons)
        for row in lesson.draw(*(epochs * count for count in heard[lesson.corpus]), rng)
    ]
    return [drawn[place] for place in rng.permutation(len(drawn))]


def _heard(
    learner: Learner, lessons: Sequence[Lesson], rows: Sequence[Row], recipe: Recipe, rng: np.random.Generator
) -> torch.Tensor:
    """What the encoder hears in a window of each, disguised anew: [b, 75, layers 384]."""
    crops = [lessons[lesson].views[view].crop(place, rng) for lesson, view, place in rows]
    with mixed():
        heard: torch.Tensor = learner.student.trunk(
            torch.from_numpy(_disguised(np.stack(crops).astype(np.float32), recipe, rng))
        )
    return heard


def _everything(learner: Learner, recipe: Recipe) -> Groups:
    """The weights by height, each with its rate: head, last block, …, first block, convolutions."""
    trunk = learner.student.trunk
    count = len(trunk.blocks)
    layers = [[*trunk.blocks[n].parameters(), *trunk.norms[2 * n : 2 * n + 2].parameters()] for n in range(count)]
    layers[-1] += trunk.norms[-1].parameters()
    begin = [*trunk.conv1.parameters(), *trunk.conv2.parameters(), trunk.positions]
    rates = np.geomspace(recipe.rate_top, recipe.rate_bottom, count + 1)
    above = [*learner.student.head.parameters(), *learner.follow.parameters()]
    own = zip([*reversed(layers), begin], rates, strict=True)
    return [{"params": above, "lr": recipe.rate_head}, *({"params": part, "lr": float(rate)} for part, rate in own)]


@dataclass(frozen=True)
class _Targets:
    right: torch.Tensor
    known: torch.Tensor
    soft: torch.Tensor
    vector: torch.Tensor
    weight: torch.Tensor
    smoothing: torch.Tensor

    @classmethod
    def of(cls, lessons: Sequence[Lesson], rows: Sequence[Row], recipe: Recipe) -> "_Targets":
        owners = [(lessons[lesson], int(lessons[lesson].views[view].ids[place])) for lesson, view, place in rows]
        smoothing = dict(recipe.smoothing)
        return cls(
            torch.from_numpy(np.stack([lesson.right[item] for lesson, item in owners])),
            torch.from_numpy(np.stack([lesson.known for lesson, _ in owners])),
            torch.from_numpy(np.stack([lesson.soft[item] for lesson, item in owners])),
            torch.from_numpy(np.stack([lesson.vector[item] for lesson, item in owners])),
            torch.tensor([lesson.weights[item] for lesson, item in owners]),
            torch.tensor([smoothing[lesson.corpus] for lesson, _ in owners]),
        )

    def swapped(self, order: torch.Tensor) -> "_Targets":
        fields = (self.right, self.known, self.soft, self.vector, self.weight, self.smoothing)
        return _Targets(*(values[order] for values in fields))


def _loss(
    learner: Learner, x: torch.Tensor, targets: _Targets, recipe: Recipe, rng: np.random.Generator
) -> torch.Tensor:
    """The loss of what the encoder heard [b, t, layers 384], each mixed with another."""
    share = float(rng.beta(recipe.mixup, recipe.mixup))
    share = max(share, 1 - share)
    order = torch.from_numpy(rng.permutation(len(x)))
    with mixed():
        pooled = learner.student.head.pool(share * x + (1 - share) * x[order])
        logits, vector = learner.student.head.name(pooled).float(), learner.follow(pooled).float()
    parts = ((share, targets), (1 - share, targets.swapped(order)))
    return sum((part * _told(logits, vector, own, recipe) for part, own in parts), torch.zeros(()))


def _told(logits: torch.Tensor, vector: torch.Tensor, targets: _Targets, recipe: Recipe) -> torch.Tensor:
    """The loss of logits [b, 8] and features [b, width] by labels and, where it says something, the teacher."""
    label = label_loss(logits, targets.right, targets.known, targets.smoothing)
    told = targets.soft.isfinite().all(dim=1)
    shares = log_shares(targets.soft.nan_to_num() / recipe.softness, targets.known).exp()
    soft = -(shares * log_shares(logits / recipe.softness, targets.known)).sum(dim=-1) * recipe.softness
    apart = 1 - functional.cosine_similarity(vector, targets.vector.nan_to_num(), dim=-1)
    total = label + told * (recipe.teach * (soft - label) + recipe.follow * apart)
    return (targets.weight * total).mean()


def _disguised(mel: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change log-mels [b, 300, 80] at random: every second voice is of another size, and none is heard whole.

    Each comes through another microphone: what a voice sounds like in the studio of one corpus says nothing of emotion.
    """
    for number in range(len(mel)):
        if rng.random() < 0.5:
            mel[number] = bent(mel[number], rng.uniform(1 - recipe.bend, 1 + recipe.bend))
        mel[number] += coloured(recipe.colour, rng)
        masked(mel[number], rng)
        mel[number] += np.float32(rng.normal() * recipe.gain)
    return mel

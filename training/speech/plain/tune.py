"""Trains a whole student on, from frozen blocks with a head that is fitted to them.

First the head, then everything (Kumar et al. 2022, arXiv 2202.10054): a head that is not fitted yet would drag the
encoder away from what it knows. The lower a layer stands, the smaller its steps.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from moments import EMOTIONS
from training.corpora import Utterance
from training.speech.plain.head import classes, label_loss
from training.speech.plain.mels import Mels, bent, masked
from training.speech.plain.student import Student
from training.speech.trunk import Trunk

log = logging.getLogger(__name__)

_WARM_UP: Final = 0.1
"""The share of all steps in which the rates rise; then they fall along a cosine."""


@dataclass(frozen=True)
class Tuning:
    """How a student is trained on. `rate_head`, `rate_top`, `rate_bottom`: of head, last block and convolutions.

    `way`: how far it goes in the end from where it began to where the training led.
    `heard`: for each corpus how many utterances an epoch draws as they are, and how many elsewhere.
    """

    epochs: int = 8
    batch: int = 16
    rate_head: float = 3e-4
    rate_top: float = 1.5e-4
    rate_bottom: float = 4e-5
    decay: float = 0.01
    mixup: float = 0.4
    smoothing: float = 0.1
    average: float = 0.99
    way: float = 0.5
    bend: float = 0.08
    gain: float = 0.05
    heard: tuple[tuple[str, tuple[int, int]], ...] = (("ravdess", (600, 600)), ("nemo", (480, 320)))


@dataclass(frozen=True)
class Material:
    """One corpus to train on: its utterances, which of them are used, and its views, the first as it is."""

    items: Sequence[Utterance]
    used: NDArray[np.bool_]
    views: Sequence[Mels]

    def draw(self, tuning: Tuning, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Draw what an epoch hears: (view, place)."""
        plain, elsewhere = dict(tuning.heard)[self.items[0].corpus]
        chosen = [(0, int(place)) for place in rng.permutation(np.flatnonzero(self.used))[:plain]]
        others = [
            (number, int(place))
            for number, view in enumerate(self.views)
            if number
            for place in np.flatnonzero(self.used[view.ids])
        ]
        return chosen + [others[place] for place in rng.permutation(len(others))[:elsewhere]]


def tuned(student: Student, material: Sequence[Material], tuning: Tuning, state: Path, seed: int = 0) -> Student:
    """Train a student on in place and give it with weights between those that it began with and their moving average.

    There it reads voices unlike those it was trained on better than at either end (Wortsman et al. 2022, arXiv
    2109.01903). What an epoch leaves is kept in the file `state`, from where a run that was stopped goes on.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(_groups(student, tuning), weight_decay=tuning.decay, fused=True)
    peaks = [group["lr"] for group in optimiser.param_groups]
    first = {name: value.detach().clone() for name, value in student.state_dict().items()}
    averaged = {name: value.clone() for name, value in first.items()}
    begin = step = 0
    if state.is_file():
        kept = torch.load(state, weights_only=False)
        student.load_state_dict(kept["student"])
        optimiser.load_state_dict(kept["optimiser"])
        rng.bit_generator.state = kept["rng"]
        torch.set_rng_state(kept["torch"])
        averaged, begin, step = kept["averaged"], kept["epoch"], kept["step"]
    student.train()
    for epoch in range(begin, tuning.epochs):
        drawn = [(number, *row) for number, own in enumerate(material) for row in own.draw(tuning, rng)]
        order = [drawn[place] for place in rng.permutation(len(drawn))]
        batches = len(order) // tuning.batch
        total = 0.0
        for number in range(batches):
            rate = _rate(step / (batches * tuning.epochs))
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * rate
            loss = _loss(student, material, order[number * tuning.batch :][: tuning.batch], tuning, rng)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            _follow(averaged, student.state_dict(), 1 - min(tuning.average, (1 + step) / (10 + step)))
            total += loss.item()
            step += 1
        progress = {"epoch": epoch + 1, "step": step, "averaged": averaged, "rng": rng.bit_generator.state}
        weights = {"student": student.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save(progress | weights | {"torch": torch.get_rng_state()}, state)
        loss_now = round(total / max(batches, 1), 4)
        log.info("tuned", extra={"epoch": epoch + 1, "of": tuning.epochs, "loss": loss_now})
    student.load_state_dict({name: first[name].lerp(value, tuning.way) for name, value in averaged.items()})
    return student.eval()


def _groups(student: Student, tuning: Tuning) -> list[dict[str, object]]:
    """The weights by height, each with its rate: head, last block, …, first block, convolutions."""
    encoder: Trunk = student.trunk.whole.requires_grad_(requires_grad=True)
    rates = np.geomspace(tuning.rate_top, tuning.rate_bottom, len(encoder.blocks) + 1)
    groups: list[dict[str, object]] = [{"params": list(student.head.parameters()), "lr": tuning.rate_head}]
    for number in reversed(range(len(encoder.blocks))):
        last = number == len(encoder.blocks) - 1
        norms = encoder.norms[2 * number : 2 * number + 2 + last]
        groups.append({"params": [*encoder.blocks[number].parameters(), *norms.parameters()], "lr": 0.0})
    begin = [*encoder.conv1.parameters(), *encoder.conv2.parameters(), encoder.positions]
    groups.append({"params": begin, "lr": 0.0})
    for group, rate in zip(groups[1:], rates, strict=True):
        group["lr"] = float(rate)
    return groups


def _rate(done: float) -> float:
    """The share of its rate that each group has when `done` of all steps are."""
    fall = max(0.0, (done - _WARM_UP) / (1 - _WARM_UP))
    return min(1.0, done / _WARM_UP) * 0.5 * (1 + float(np.cos(np.pi * fall)))


def _loss(
    student: Student,
    material: Sequence[Material],
    chosen: Sequence[tuple[int, int, int]],
    tuning: Tuning,
    rng: np.random.Generator,
) -> torch.Tensor:
    """The loss of (corpus, view, place), of which each is mixed with another after the encoder."""
    crops = [material[corpus].views[view].crop(place, rng) for corpus, view, place in chosen]
    heard = torch.from_numpy(_disguised(np.stack(crops).astype(np.float32), tuning, rng))
    owners = [(material[corpus], material[corpus].views[view].ids[place]) for corpus, view, place in chosen]
    y = torch.tensor([EMOTIONS.index(own.items[item].emotion) for own, item in owners])
    known = torch.stack([classes(own.items) for own, _ in owners])
    weight = float(rng.beta(tuning.mixup, tuning.mixup))
    weight = max(weight, 1 - weight)
    order = torch.from_numpy(rng.permutation(len(y)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = student.hear(heard)
        logits = student.head(weight * x + (1 - weight) * x[order]).float()
    loss = weight * label_loss(logits, y, known, tuning.smoothing)
    return loss + (1 - weight) * label_loss(logits, y[order], known[order], tuning.smoothing)


def _disguised(mel: NDArray[np.float32], tuning: Tuning, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change log-mels [b, 300, 80] at random: every second voice is of another size, and none is heard whole."""
    for number in range(len(mel)):
        if rng.random() < 0.5:
            mel[number] = bent(mel[number], rng.uniform(1 - tuning.bend, 1 + tuning.bend))
        masked(mel[number], rng)
        mel[number] += np.float32(rng.normal() * tuning.gain)
    return mel


def _follow(averaged: Mapping[str, torch.Tensor], latest: Mapping[str, torch.Tensor], share: float) -> None:
    with torch.no_grad():
        for name, value in latest.items():
            averaged[name].lerp_(value, share)

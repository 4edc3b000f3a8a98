"""Fits the scene net: its last blocks and both heads, to ESC-50 and to what the teacher says of the same sounds."""

import copy
import logging
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.scenes_augment import HEARINGS, Heard
from training.scenes_net import CUT, ESC50, SceneNet, Tagger

log = logging.getLogger(__name__)

EPOCHS: Final = 8
BATCH: Final = 32
LEARNING_RATE: Final = 6e-4
HEAD_RATE: Final = 3e-3
KEEPING: Final = 20.0
"""Weight of the teacher's own answers (mean cross-entropy over 527 labels, most of them near 0)."""
AVERAGE: Final = 0.995
"""Decay of the moving average of the weights, which is what is kept."""


def _targets(heard: Heard, classes: NDArray[np.int64], hearing: NDArray[np.int64], rows: NDArray[np.int64]) -> Tensor:
    share = torch.from_numpy(heard.share[hearing, rows])[:, None]
    partner = heard.partner[hearing, rows]
    one_hot = torch.eye(ESC50)
    return share * one_hot[classes[rows]] + (1 - share) * one_hot[classes[partner]]


def _features(heard: Heard, hearing: NDArray[np.int64], rows: NDArray[np.int64]) -> Tensor:
    features = torch.from_numpy(heard.features[hearing, rows]).float()
    return features.to(memory_format=torch.channels_last)


def _groups(net: SceneNet) -> list[dict[str, object]]:
    tail = [*net.features[CUT:].parameters(), *net.hidden.parameters(), *net.audioset.parameters()]
    head = [*net.esc50.parameters(), *net.esc50_hidden.parameters()]
    return [{"params": tail, "lr": LEARNING_RATE}, {"params": head, "lr": HEAD_RATE}]


def fit(tagger: Tagger, heard: Heard, classes: NDArray[np.int64], rows: NDArray[np.int64], seed: int = 0) -> SceneNet:
    """Fit a copy of the teacher on some clips; `classes`: ESC-50's class of every clip.

    Batch normalisation keeps the teacher's statistics, so that a fold's sound never enters by them. The number of
    epochs is fixed: no checkpoint is chosen.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    # channels last is a third faster on a CPU; eval: see above
    net = SceneNet(copy.deepcopy(tagger)).eval().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(_groups(net), weight_decay=1e-3)
    steps = EPOCHS * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [LEARNING_RATE, HEAD_RATE], total_steps=steps, pct_start=0.15
    )
    for epoch in range(EPOCHS):
        total = 0.0
        order = random.permutation(rows)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            hearing = random.integers(0, HEARINGS + 1, len(batch))
            esc50, audioset = net.heads(_features(heard, hearing, batch))
            teacher = torch.sigmoid(torch.from_numpy(heard.teacher[hearing, batch]).float())
            loss = nn.functional.cross_entropy(
                esc50, _targets(heard, classes, hearing, batch), label_smoothing=0.1
            ) + KEEPING * nn.functional.binary_cross_entropy_with_logits(audioset, teacher)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
            with torch.no_grad():
                for kept, new in zip(average.parameters(), net.parameters(), strict=True):
                    kept.lerp_(new, 1 - min(AVERAGE, 1 - 10 / (10 + schedule.last_epoch)))
        log.info("epoch %d of %d: loss %.4f", epoch + 1, EPOCHS, total * BATCH / len(order))
    return average

"""Fits the scene net's own head, to what the untouched teacher makes of ESC-50 in many hearings."""

import copy
import logging
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.scenes.augment import Heard
from training.scenes.net import EMBEDDING, ESC50, SceneNet, Tagger

log = logging.getLogger(__name__)

DECAY: Final = 0.01
"""Weight of the squared weights (on standardised inputs) beside the mean cross-entropy."""

_ROUNDS: Final = 60


def fit(tagger: Tagger, heard: Heard, classes: NDArray[np.int64], rows: NDArray[np.int64]) -> SceneNet:
    """Fit a head on some clips by multinomial logistic regression; `classes`: ESC-50's class of every clip.

    The clip as it is weighs as much as all its other hearings together. A mixed hearing's label is shared between its
    two clips. The solution is the only one there is, so nothing is drawn by chance and no checkpoint is chosen.
    """
    net = SceneNet(copy.deepcopy(tagger)).eval()
    with torch.no_grad():
        embedding = torch.from_numpy(heard.embedding[:, rows]).float().flatten(0, 1)
        inputs = torch.cat([embedding, tagger.hide(embedding)], 1)
    middle, spread = inputs.mean(0), inputs.std(0) + 1e-4
    inputs = (inputs - middle) / spread
    targets = _targets(heard, classes, rows)
    importance = torch.ones(len(heard.share), len(rows))
    importance[0] = len(heard.share) - 1
    importance = importance.flatten() / importance.sum()

    head = nn.Linear(inputs.shape[1], ESC50)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        each = nn.functional.cross_entropy(head(inputs), targets, reduction="none")
        value = (importance * each).sum() + DECAY * head.weight.square().sum() / 2
        value.backward()
        return value

    optimiser.step(loss)
    log.info("fitted to a loss of %.4f", float(loss().detach()))
    with torch.no_grad():
        weight = head.weight / spread
        net.esc50.weight.copy_(weight[:, :EMBEDDING])
        net.esc50_hidden.weight.copy_(weight[:, EMBEDDING:])
        net.esc50.bias.copy_(head.bias - weight @ middle)
    return net


def _targets(heard: Heard, classes: NDArray[np.int64], rows: NDArray[np.int64]) -> Tensor:
    share = torch.from_numpy(heard.share[:, rows]).flatten()[:, None]
    first = np.tile(classes[rows], len(heard.share))
    second = classes[heard.partner[:, rows]].ravel()
    one_hot = torch.eye(ESC50)
    return share * one_hot[first] + (1 - share) * one_hot[second]

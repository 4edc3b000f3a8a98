"""What a label says, in a corpus that may not have all eight emotions.

A corpus that has neutral or calm speech but does not tell them apart means either by it: its `neutral` (nEMO, TESS)
and its `calm` (TurEV) stand for both. Emotions that a corpus does not have are neither right nor wrong there.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from moments import EMOTIONS
from training.corpora import Utterance

_CALM: Final = [EMOTIONS.index("neutral"), EMOTIONS.index("calm")]
_OFF: Final = -1e4


def known(items: Sequence[Utterance]) -> NDArray[np.bool_]:
    """Which emotions one corpus speaks of: bool [8]."""
    own = {item.emotion for item in items}
    has = np.array([emotion in own for emotion in EMOTIONS])
    has[_CALM] = has[_CALM].any()
    return has


def right(items: Sequence[Utterance]) -> NDArray[np.bool_]:
    """Which emotions each label of one corpus may mean: bool [n, 8]."""
    own = {item.emotion for item in items}
    table = np.eye(len(EMOTIONS), dtype=bool)
    if not {"neutral", "calm"} <= own:
        table[np.ix_(_CALM, _CALM)] = True
    return table[[EMOTIONS.index(item.emotion) for item in items]]


def log_shares(logits: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Give log-shares [b, 8] among the emotions that are `known` [b, 8] (or [8]) to the corpus."""
    return logits.masked_fill(~known, _OFF).log_softmax(dim=-1)


def label_loss(
    logits: torch.Tensor, right: torch.Tensor, known: torch.Tensor, smoothing: float | torch.Tensor = 0.0
) -> torch.Tensor:
    """Negative log of the share that `right` [b, 8] has, each label smoothed over the known: [b]."""
    logs = log_shares(logits, known)
    hit = logs.masked_fill(~right, _OFF).logsumexp(dim=-1)
    even = (logs * known).sum(dim=-1) / known.sum(dim=-1)
    return -((1 - smoothing) * hit + smoothing * even)

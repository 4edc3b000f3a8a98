"""The student: the first blocks of a large encoder and a head on all their layers; several sizes of it.

The head pools over time with an attention as in speaker recognition (Okabe et al. 2018, arXiv 1803.10963), with the
mean absolute deviation in the place of the standard deviation: it has no square root and no difference of squares,
which int8 would spoil.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from moments import EMOTIONS
from training.speech.trunk import HIDDEN, WIDTH, Trunk


@dataclass(frozen=True)
class Size:
    """How large a student is: the feed-forward units of the trunk's blocks, and the channels of the head."""

    name: str
    hidden: tuple[int, ...]
    channels: int = 192


SIZES: Final = {
    size.name: size
    for size in (
        Size("small", (896,)),
        Size("narrow", (1024, 768)),
        Size("standard", (HIDDEN, HIDDEN)),
        Size("large", (HIDDEN, HIDDEN, HIDDEN)),
    )
}
"""`standard` and `small` ship; the others show what size buys."""


class Head(nn.Module):
    """[b, t, layers 384] of a trunk to logits [b, 8] in the order of `moments.EMOTIONS`."""

    def __init__(self, size: Size, dropout: float = 0.3) -> None:
        super().__init__()
        self.project = nn.Linear((len(size.hidden) + 1) * WIDTH, size.channels)
        self.attend = nn.Linear(size.channels, size.channels)
        self.norm = nn.LayerNorm(2 * size.channels)
        self.drop = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * size.channels, len(EMOTIONS))

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """Give mean and mean absolute deviation over time under the attention, [b, 2 channels]."""
        h = self.drop(functional.relu(self.project(x)))
        weights = self.attend(h).transpose(1, 2).softmax(dim=-1)
        h = h.transpose(1, 2)
        mean = _weighted(weights, h)
        difference = h - mean
        distance = functional.relu(difference) + functional.relu(-difference)
        pooled: torch.Tensor = self.norm(torch.cat([mean, _weighted(weights, distance)], dim=1).squeeze(2))
        return pooled

    def name(self, pooled: torch.Tensor) -> torch.Tensor:
        """Name what was pooled."""
        logits: torch.Tensor = self.classify(self.drop(pooled))
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool over time and name."""
        return self.name(self.pool(x))


class Student(nn.Module):
    """Trunk and head as one: log-mel [b, 300, 80] to logits [b, 8]."""

    def __init__(self, trunk: Trunk, head: Head) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear and name."""
        logits: torch.Tensor = self.head(self.trunk(mel))
        return logits


def _weighted(weights: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Give the weighted mean over time: [b, c, t] twice to [b, c, 1].

    In the file it is a product of matrices, which stays in float, since shares of 1 in 75 are too small for eight bits;
    in training a sum, which is eight times as fast.
    """
    if torch.compiler.is_exporting():
        return (weights.unsqueeze(2) @ h.unsqueeze(3)).squeeze(3)
    return (weights * h).sum(dim=-1, keepdim=True)

"""The student: a frozen trunk of a large encoder and a head that is trained; several sizes of it.

The head is a few members that are trained at once, each on its own loss, and answer together: an ensemble for the price
of one. Each pools with its own attention as in speaker recognition (Okabe et al. 2018, arXiv 1803.10963), with the mean
absolute deviation in the place of the standard deviation: it has no square root and no difference of squares, which
int8 would spoil.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from moments import EMOTIONS
from training.speech.pooling import weighted
from training.speech.trunk import HIDDEN, WIDTH, Trunk, layers


@dataclass(frozen=True)
class Size:
    """How large a student is: the feed-forward units of the trunk's blocks; members of the head and their channels."""

    name: str
    hidden: tuple[int, ...]
    members: int = 4
    channels: int = 64


SIZES: Final = {
    size.name: size
    for size in (
        Size("small", (896,), members=3),
        Size("narrow", (1024, 768)),
        Size("standard", (HIDDEN, 1280)),
        Size("large", (HIDDEN, HIDDEN, HIDDEN)),
    )
}
"""`standard` and `small` ship; the others show what size buys."""


class Member(nn.Module):
    """One of a head: [b, t, channels] to what it pools, [b, 2 channels], and from there to logits [b, 8]."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.attend = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(2 * channels)
        self.drop = nn.Dropout(dropout)
        self.classify = nn.Linear(2 * channels, len(EMOTIONS))

    def pool(self, projected: torch.Tensor) -> torch.Tensor:
        """Give mean and mean absolute deviation under the attention."""
        h = self.drop(functional.relu(projected))
        weights = self.attend(h).transpose(1, 2).softmax(dim=-1)
        h = h.transpose(1, 2)
        mean = weighted(weights, h)
        difference = h - mean
        distance = functional.relu(difference) + functional.relu(-difference)
        pooled: torch.Tensor = self.norm(torch.cat([mean, weighted(weights, distance)], dim=1).squeeze(2))
        return pooled

    def name(self, pooled: torch.Tensor) -> torch.Tensor:
        """Name what was pooled."""
        logits: torch.Tensor = self.classify(self.drop(pooled))
        return logits


class Head(nn.Module):
    """What is trained: [b, t, layers 384] of a trunk to logits in the order of `moments.EMOTIONS`."""

    def __init__(self, size: Size, dropout: float = 0.3) -> None:
        super().__init__()
        self.project = nn.Linear(layers(len(size.hidden)) * WIDTH, size.members * size.channels)
        self.members = nn.ModuleList(Member(size.channels, dropout) for _ in range(size.members))

    def each(self, projected: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Let each member go on from its channels of what `project` gives, [b, t, members channels].

        Gives for each what it pools, [b, 2 channels], and its logits [b, 8].
        """
        parts = zip(self.members, projected.chunk(len(self.members), dim=-1), strict=True)
        pooled = [(member, member.pool(part)) for member, part in parts]
        return [(own, member.name(own)) for member, own in pooled]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer together: the mean of the members' logits, [b, 8]."""
        answers = [logits for _, logits in self.each(self.project(x))]
        # Not stacked: the converter takes the scale of the first for all of them.
        mean: torch.Tensor = sum(answers[1:], answers[0]) * (1 / len(answers))
        return mean


class Student(nn.Module):
    """Trunk and head as one: log-mel [b, 300, 80] to logits [b, 8]."""

    def __init__(self, trunk: Trunk, head: Head) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear and name."""
        logits: torch.Tensor = self.head(self.trunk(mel))
        return logits

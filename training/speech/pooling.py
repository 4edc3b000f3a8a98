"""What a head makes of an utterance, however long: its mean and its spread, where the emotion is.

Attentive pooling as in speaker recognition (Okabe et al. 2018, arXiv 1803.10963), with the mean absolute deviation in
the place of the standard deviation: it has no square root and no difference of squares, which int8 would spoil.
"""

import torch
from torch import nn
from torch.nn import functional

from training.speech.trunk import WIDTH


class Pooling(nn.Module):
    """Mean and mean absolute deviation under an attention: [b, t, layers, 384] to [b, 2 channels]."""

    def __init__(self, layers: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(layers * WIDTH, channels)
        self.attend = nn.Linear(channels, channels)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool over time."""
        h = self.drop(functional.relu(self.project(x.flatten(2))))
        weights = self.attend(h).transpose(1, 2).softmax(dim=-1)
        h = h.transpose(1, 2)
        mean = weighted(weights, h)
        difference = h - mean
        distance = functional.relu(difference) + functional.relu(-difference)
        return torch.cat([mean, weighted(weights, distance)], dim=1).squeeze(2)


def weighted(weights: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Give the weighted mean over time: [b, c, t] twice to [b, c, 1].

    In the file it is a product of matrices, which stays in float, since shares of 1 in 75 are too small for eight bits;
    in training a sum, which is eight times as fast.
    """
    if torch.compiler.is_exporting():
        return (weights.unsqueeze(2) @ h.unsqueeze(3)).squeeze(3)
    return (weights * h).sum(dim=-1, keepdim=True)

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
        # As products of matrices, which stay in float: shares of 1 in 75 are too small for eight bits.
        weights = self.attend(h).transpose(1, 2).softmax(dim=-1).unsqueeze(2)
        h = h.transpose(1, 2)
        mean = (weights @ h.unsqueeze(3)).squeeze(3)
        difference = h - mean
        distance = functional.relu(difference) + functional.relu(-difference)
        deviation = (weights @ distance.unsqueeze(3)).squeeze(3)
        return torch.cat([mean.squeeze(2), deviation.squeeze(2)], dim=-1)

"""Trunk and head as one."""

import torch
from torch import nn

from training.speech.plain.features import pair
from training.speech.plain.head import Head
from training.speech.plain.trunk import Trunk


class Student(nn.Module):
    """Trunk and head as one: log-mel [b, 300, 80] to logits [b, 8]."""

    def __init__(self, trunk: Trunk, head: Head) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def hear(self, mel: torch.Tensor) -> torch.Tensor:
        """Give what the head reads: [b, 75, layers, 384]."""
        return pair(self.trunk(mel))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Hear and name."""
        logits: torch.Tensor = self.head(self.hear(mel))
        return logits

"""The first blocks of the encoder with the normalised outputs of the convolutions and of each block."""

from pathlib import Path

import torch
from torch import nn

from training.speech import trunk as encoder


class Trunk(nn.Module):
    """Log-mel [b, f, 80] (`whisper_mel`, f even) to `blocks` + 1 tensors [b, f / 2, 384], one for each layer."""

    def __init__(self, whole: encoder.Trunk) -> None:
        super().__init__()
        self.whole = whole
        self.layers = len(whole.blocks) + 1

    def forward(self, mel: torch.Tensor) -> list[torch.Tensor]:
        """Give the outputs of each layer."""
        return self.whole.layers(self.whole.begin(mel))[::2]


def load(file: Path, blocks: int) -> Trunk:
    """Rebuild the first `blocks` from smart-turn's ONNX file. Raises UserError as `load_trunk` does."""
    return Trunk(encoder.load_trunk(file, blocks)).eval().requires_grad_(requires_grad=False)

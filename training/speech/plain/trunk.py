"""The first blocks of the encoder with the normalised outputs of every layer."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from training.speech.trunk import POSITIONS, Front, Last, load_trunk


class Trunk(nn.Module):
    """Log-mel [b, f, 80] (`whisper_mel`, f even) to `blocks` + 1 tensors [b, f / 2, 384], one for each layer.

    The layers are the normalised outputs of the convolutions and of each block.
    """

    def __init__(self, convolutions: Front, steps: Sequence[Last]) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.blocks = nn.ModuleList(step.block for step in steps)
        self.taps = nn.ModuleList([steps[0].taps[0], *(step.taps[1] for step in steps)])

    def forward(self, mel: torch.Tensor) -> list[torch.Tensor]:
        """Give the outputs of each layer."""
        x = self.convolutions(mel)
        layers = [self.taps[0](x)]
        for block, tap in zip(self.blocks, self.taps[1:], strict=True):
            x = block(x)
            layers.append(tap(x))
        return layers


def load(file: Path, blocks: int) -> Trunk:
    """Rebuild the first `blocks` from smart-turn's ONNX file. Raises UserError as `load_trunk` does."""
    parts = [load_trunk(file, depth, POSITIONS) for depth in range(1, blocks + 1)]
    trunk = Trunk(parts[0][0], [last for _, last in parts])
    return trunk.eval().requires_grad_(requires_grad=False)

"""Muon: steps of the momentum made orthogonal, so that all directions of a matrix are learned alike.

After Jordan et al. 2024 (kellerjordan.github.io/posts/muon), scaled to steps of AdamW's size as in Liu et al. 2025
(arXiv 2502.16982). PyTorch's own makes the same steps and computes them in bfloat16, which costs twelve times as much
on a processor that has none.
"""

from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

_MOMENTUM: Final = 0.95
_NEWTON_SCHULZ: Final = (3.4445, -4.7750, 2.0315)
_ITERATIONS: Final = 5
_SIZE: Final = 0.2
"""The root mean square of AdamW's steps, over its rate."""


class Muon(torch.optim.Optimizer):
    """For matrices, [rows, columns], alone; `decay` shrinks them by `lr` times that in every step."""

    def __init__(self, matrices: Iterable[Tensor], lr: float, decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take one step along the gradients."""
        for group in self.param_groups:
            lr, decay = group["lr"], group["decay"]
            for matrix in group["params"]:
                momentum = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                momentum.lerp_(matrix.grad, 1 - _MOMENTUM)
                step = orthogonal(matrix.grad.lerp(momentum, _MOMENTUM))
                matrix.mul_(1 - lr * decay).add_(step, alpha=-lr * _SIZE * max(matrix.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Bring a matrix's singular values near 1 (0.7 to 1.2), by five Newton-Schulz iterations; the shape stays."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x

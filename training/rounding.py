"""Rounds weights to eight bits such that a layer's outputs, not its weights, are off least.

GPTQ (Frantar et al. 2023, arXiv 2210.17323): each weight's rounding error is made up for by the weights of the same
output that are not rounded yet, as far as the inputs go together. Neighbouring bands and frames of a spectrum nearly
do: most of what rounding each weight to the nearest costs is lost where the spectrum enters.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Final, TypeVar

import torch
from torch import nn

_M = TypeVar("_M", bound=nn.Module)

_MOST: Final = 127
_DAMPING: Final = 0.01
"""Of the mean of the diagonal of the inputs' products, added to it."""


@torch.no_grad()
def rounded(module: _M, calibration: Sequence[tuple[torch.Tensor, ...]]) -> _M:
    """Give a copy whose linear and convolutional weights (`Conv1d`) lie on the steps that `to_int8` gives them.

    `calibration`: what the module hears; layer by layer, each hears what the rounded ones before it say.
    """
    made = deepcopy(module).eval()
    for layer in made.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d):
            products = _products(made, layer, calibration)
            layer.weight.copy_(_on_steps(layer.weight.flatten(1), products).view_as(layer.weight))
    return made


def _products(
    module: nn.Module, layer: nn.Linear | nn.Conv1d, calibration: Sequence[tuple[torch.Tensor, ...]]
) -> torch.Tensor:
    """The sum over all positions of the products of a layer's inputs, float64 [inputs, inputs]."""
    inputs = layer.weight[0].numel()
    total = torch.zeros(inputs, inputs, dtype=torch.double)

    def seen(_: nn.Module, args: tuple[torch.Tensor]) -> None:
        x = args[0]
        if isinstance(layer, nn.Conv1d):
            span, step, edge = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
            x = nn.functional.pad(x, (edge, edge)).unfold(2, span, step).transpose(1, 2)
        rows = x.reshape(-1, inputs)
        total.add_((rows.T @ rows).double())

    hook = layer.register_forward_pre_hook(seen)
    for heard in calibration:
        module(*heard)
    hook.remove()
    return total


def _on_steps(weights: torch.Tensor, products: torch.Tensor) -> torch.Tensor:
    """Round weights [outputs, inputs], each output with its own step, from the input that says most to the least."""
    w = weights.double()
    step = w.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / _MOST
    largest = w.abs() == w.abs().amax(dim=1, keepdim=True)  # these set the steps, so they stay
    order = products.diagonal().argsort(descending=True)
    w, largest, products = w[:, order], largest[:, order], products[order][:, order]
    damped = products + _DAMPING * products.diagonal().mean() * torch.eye(len(order), dtype=torch.double)
    spread = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    done = torch.empty_like(w)
    for i in range(len(order)):
        done[:, i] = (w[:, i] / step[:, 0]).round().clamp(-_MOST, _MOST) * step[:, 0]
        off = (w[:, i] - done[:, i]) / spread[i, i]
        w[:, i + 1 :] -= torch.where(largest[:, i + 1 :], 0.0, off[:, None] * spread[i, i + 1 :])
    result = torch.empty_like(done)
    result[:, order] = done
    return result.float()

"""The head of a teacher: a learned weighted sum of its layers, then one linear layer.

As in SUPERB (Yang et al. 2021, arXiv 2105.01051); the mean over time of a weighted sum is the weighted sum of the
means, so that what is kept of each utterance is small. The weighted sum is what a student learns to follow, the shares
are its soft labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from moments import EMOTIONS
from training.speech.targets import label_loss


@dataclass(frozen=True)
class Probe:
    """A fitted head. `mean`, `scale`: [layers, width] of what it was fitted on; `layers`: their weights, sum 1."""

    mean: torch.Tensor
    scale: torch.Tensor
    layers: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor

    def vector(self, pooled: NDArray[np.float16]) -> torch.Tensor:
        """Weighted sum of the layers: [n, layers, width] to [n, width]."""
        scaled = (torch.from_numpy(np.asarray(pooled, np.float32)) - self.mean) / self.scale
        return torch.einsum("nlw,l->nw", scaled, self.layers)

    def logits(self, pooled: NDArray[np.float16]) -> torch.Tensor:
        """Answers: [n, layers, width] to [n, 8]."""
        return self.vector(pooled) @ self.weight.T + self.bias


def fit_probe(
    pooled: NDArray[np.float16],
    right: NDArray[np.bool_],
    known: NDArray[np.bool_],
    weights: NDArray[np.float32],
    *,
    decay: float = 1e-2,
    steps: int = 40,
) -> Probe:
    """Fit a head on [n, layers, width] with targets [n, 8] (see `targets`) and a weight for each utterance [n]."""
    values = torch.from_numpy(np.asarray(pooled, np.float32))
    mean, scale = values.mean(dim=0), values.std(dim=0, correction=0) + 1e-3
    values = (values - mean) / scale
    n, count, width = values.shape
    # One row a layer: so the weighted sum and its gradient are read through in order, three times as fast.
    rows = values.transpose(0, 1).reshape(count, n * width)
    layers = torch.zeros(count, requires_grad=True)
    weight = torch.zeros(len(EMOTIONS), width, requires_grad=True)
    bias = torch.zeros(len(EMOTIONS), requires_grad=True)
    targets = [torch.from_numpy(part) for part in (right, known)]
    share = torch.from_numpy(weights / weights.sum())
    optimiser = torch.optim.LBFGS(
        [layers, weight, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimiser.zero_grad()
        vector = (layers.softmax(dim=0) @ rows).view(n, width)
        loss = (share * label_loss(vector @ weight.T + bias, *targets)).sum() + decay * (weight**2).sum()
        loss.backward()
        return float(loss.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Probe(mean, scale, layers.detach().softmax(dim=0), weight.detach(), bias.detach())


def balanced(right: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
    """Weights that make corpora, and the labels of each, count alike: targets of each corpus to [n in all]."""
    weights = []
    for own in right:
        _, label, counts = np.unique(own, axis=0, return_inverse=True, return_counts=True)
        weights.append(1 / counts[label.ravel()] / len(counts))
    return np.concatenate(weights).astype(np.float32)

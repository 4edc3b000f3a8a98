"""Rounding weights to eight bits by what they are for."""

import torch
from torch import nn

from training.rounding import rounded

STEPS = 127


class Net(nn.Module):
    """A convolution over bands that nearly go together, and a layer on what it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(12, 8, 3, stride=2, padding=1)
        self.second = nn.Linear(8, 5)

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.second(nn.functional.gelu(self.first(bands)).transpose(1, 2))
        return answers


def bands(seed: int) -> list[tuple[torch.Tensor, ...]]:
    draws = torch.Generator().manual_seed(seed)
    common = 1 + torch.randn(8, 1, 40, generator=draws)
    return [(common + 0.05 * torch.randn(8, 12, 40, generator=draws),)]


def nearest(weights: torch.Tensor) -> torch.Tensor:
    step = weights.flatten(1).abs().amax(dim=1).view(-1, *[1] * (weights.ndim - 1)) / STEPS
    return (weights / step).round() * step


@torch.no_grad()
def test_answers_are_off_less_than_when_each_weight_is_rounded_to_the_nearest() -> None:
    torch.manual_seed(0)
    net, heard = Net(), bands(2)[0][0]
    plain = Net()
    plain.load_state_dict({n: nearest(v) if v.ndim > 1 else v for n, v in net.state_dict().items()})
    right = net(heard)
    off = [(made(heard) - right).pow(2).mean().sqrt().item() for made in (rounded(net, bands(1)), plain)]
    assert 0 < off[0] < off[1] / 2


@torch.no_grad()
def test_weights_lie_on_the_steps_that_their_largest_ones_set_and_nothing_else_is_changed() -> None:
    torch.manual_seed(0)
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    after = rounded(net, bands(1)).state_dict()
    for name in ("first.weight", "second.weight"):
        assert torch.allclose(after[name].flatten(1).abs().amax(dim=1), before[name].flatten(1).abs().amax(dim=1))
        assert torch.allclose(nearest(after[name]), after[name], atol=1e-6)
        assert (after[name] != before[name]).any()
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    assert all(torch.equal(after[name], before[name]) for name in ("first.bias", "second.bias"))


@torch.no_grad()
def test_an_input_that_says_nothing_breaks_nothing() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(4, 3)
    silent = torch.randn(32, 4) * torch.tensor([1.0, 0.0, 1.0, 1.0])
    made = rounded(nn.Sequential(layer), [(silent,)])
    assert torch.isfinite(made[0].weight).all()
    assert (made(silent) - layer(silent)).abs().max() < 0.02

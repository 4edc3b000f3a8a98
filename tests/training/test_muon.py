"""Muon takes PyTorch's own steps, in single precision."""

import torch

from training.muon import Muon, orthogonal


def test_it_takes_the_steps_that_pytorch_s_own_takes_but_for_rounding():
    torch.manual_seed(0)
    mine, theirs = (torch.nn.Parameter(torch.ones(24, 40) / 10) for _ in range(2))
    optimizers = (
        Muon([mine], lr=0.01, decay=0.1),
        torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(5):
        gradient = torch.randn(24, 40)
        for weights, optimizer in zip((mine, theirs), optimizers, strict=True):
            weights.grad = gradient.clone()
            optimizer.step()
    assert (mine - 0.1).abs().max() > 0.01
    assert torch.allclose(mine, theirs, atol=2e-3)


def test_every_direction_becomes_about_as_long_whatever_the_shape():
    torch.manual_seed(0)
    for shape in ((8, 30), (30, 8), (12, 12)):
        lengths = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert lengths.min() > 0.5
        assert lengths.max() < 1.3

"""Makes tests/edge/models/tiny.tflite, the smallest weights file: `python -m tests.training.make_tiny`."""

from pathlib import Path

import torch

from training.quantise import save, to_int8


def make(path: Path) -> None:
    """Write a file that gives the sum of four numbers and a difference."""
    linear = torch.nn.Linear(4, 2, bias=False)
    linear.weight.data = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, -1.0, -0.3333]])
    generator = torch.Generator().manual_seed(0)
    calibration = [(torch.rand(1, 4, generator=generator) * 2 - 1,) for _ in range(50)]
    calibration += [(torch.ones(1, 4),), (-torch.ones(1, 4),)]
    file = to_int8(linear, calibration[0], calibration)
    save(path, file, name="tiny-1", labels=["sum", "difference"], meta={"note": "a test"})


if __name__ == "__main__":
    make(Path("tests/edge/models/tiny.tflite"))

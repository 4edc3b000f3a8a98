"""A file without names is the same net."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training has an environment of its own")

from edge.models.interpreter import WEIGHTS, Model
from training.names import without_names

TINY = Path(__file__).parents[1] / "edge" / "models" / "tiny.tflite"


@pytest.mark.parametrize("path", [TINY, WEIGHTS / "gate.tflite"])
def test_a_file_without_names_answers_as_before(path, tmp_path):
    shorter = without_names(path.read_bytes())
    assert len(shorter) <= len(path.read_bytes())
    (tmp_path / "shorter.tflite").write_bytes(shorter)
    one, other = Model(path), Model(tmp_path / "shorter.tflite")
    inputs = [np.random.default_rng(0).random(shape, np.float32) for shape in one.shapes]
    for answer, same in zip(one(*inputs), other(*inputs), strict=True):
        assert np.array_equal(answer, same)

"""The recordings that the gate learns from, as they are kept."""

from pathlib import Path

import numpy as np

from tests.training.synthetic import sound
from training.gate.bank import _decoded


def test_what_one_run_reads_stays_as_it_is_when_another_decodes_anew(tmp_path: Path) -> None:
    low, high = tmp_path / "low.wav", tmp_path / "high.wav"
    sound(low, 100.0, 0.5, seed=1)
    sound(high, 900.0, 0.2, seed=2)
    (held,) = _decoded(tmp_path / "cache", "speech", [low])
    before = np.array(held)
    (tmp_path / "cache" / "speech.ends.npy").unlink()
    (anew,) = _decoded(tmp_path / "cache", "speech", [high])
    assert np.array_equal(held, before)
    assert len(anew) < len(before)
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == ["speech.ends.npy", "speech.npy"]

"""The recordings that the gate learns from, as they are kept."""

from pathlib import Path

import numpy as np
import pytest

from moments.errors import UserError
from tests.training.synthetic import corpora, sound, write
from training.gate.bank import _decoded, load


def test_what_one_run_reads_stays_as_it_is_when_another_decodes_anew(tmp_path: Path) -> None:
    low = tmp_path / "low.wav"
    sound(low, 100.0, 0.5, seed=1)
    (held,) = _decoded(tmp_path / "cache", "speech", [low])
    before = np.array(held)
    for file in (tmp_path / "cache").glob("*.ends.npy"):
        file.unlink()
    sound(low, 900.0, 0.2, seed=2)
    (anew,) = _decoded(tmp_path / "cache", "speech", [low])
    assert np.array_equal(held, before)
    assert len(anew) < len(before)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_recordings_in_another_order_are_decoded_anew(tmp_path: Path) -> None:
    low, high = tmp_path / "low.wav", tmp_path / "high.wav"
    sound(low, 100.0, 0.5, seed=1)
    sound(high, 900.0, 0.2, seed=2)
    lengths = [len(held) for held in _decoded(tmp_path / "cache", "speech", [low, high])]
    assert [len(held) for held in _decoded(tmp_path / "cache", "speech", [high, low])] == lengths[::-1]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """All corpora, tiny."""
    data = corpora(tmp_path / "data")
    for corpus, label in (("ambience", "river"), ("nonverbal", "laughing"), ("spoken", "exchange-fr")):
        sound(data / corpus / "a.wav", 200.0, 1.0, seed=6)
        write(data / corpus, ["path", "label", "seconds"], [["a.wav", label, "1.000"]])
    return data


def test_gathered_voices_are_learned_from_and_never_measured_with(data: Path, tmp_path: Path) -> None:
    learned, measured = (load(data, tmp_path / "cache", part) for part in ("train", "test"))
    assert "spoken/exchange-fr" in learned.speech
    assert not [speaker for speaker in measured.speech if speaker.startswith("spoken/")]


def test_where_no_voices_were_gathered_the_remedy_is_told(data: Path, tmp_path: Path) -> None:
    (data / "spoken/manifest.tsv").unlink()  # the last that `gather` writes: half of a corpus is none
    with pytest.raises(UserError, match="make it with `moodscape train gate gather`"):
        load(data, tmp_path / "cache", "train")

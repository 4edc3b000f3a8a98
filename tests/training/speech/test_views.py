from pathlib import Path

import numpy as np
import pytest
import torch

from edge.models.speech import windows
from tests.training.synthetic import corpora
from training.augment import Rooms
from training.corpora import read, utterances
from training.speech import views
from training.speech.trunk import Trunk


@pytest.fixture
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk([64]).eval().requires_grad_(requires_grad=False)


def test_a_view_is_what_the_trunk_makes_of_each_window(trunk: Trunk, tmp_path: Path) -> None:
    items = utterances(corpora(tmp_path / "data", per_emotion=2), ["ravdess"])
    view = views.heard(trunk, views.begun(trunk, items, tmp_path / "0"), tmp_path / "1")
    assert view.values.shape == (24, 75, 3 * 384)  # 8 of one window, 8 of 3.5 s and so two
    assert np.bincount(view.of_window).tolist() == [1, 2] * 8
    whole = trunk(torch.from_numpy(windows(read(items[1].path)))).numpy()
    assert np.abs(view.values[1:3] - whole).mean() < 0.02 * np.abs(whole).mean()


def test_a_view_that_was_begun_goes_on_where_it_was(
    trunk: Trunk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = utterances(corpora(tmp_path / "data"), ["ravdess"])
    monkeypatch.setattr(views, "_SAVE_EVERY", 3)
    made = Rooms.of_esc50(tmp_path / "data", every=1)

    def rooms() -> Rooms:
        return made

    whole = views.begun(trunk, items, tmp_path / "whole", rooms, 1)
    run, calls = views._run, []

    def stopped(layers: object, inputs: list[np.ndarray]) -> np.ndarray:
        calls.append(len(inputs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(layers, inputs)

    monkeypatch.setattr(views, "_run", stopped)
    with pytest.raises(KeyboardInterrupt):
        views.begun(trunk, items, tmp_path / "begun", rooms, 1)
    again = views.begun(trunk, items, tmp_path / "begun", rooms, 1)
    assert np.array_equal(again.values, whole.values)
    assert sum(calls[2:]) == 5  # the first three were not heard again

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.models.speech import windows
from moments.errors import UserError
from tests.training.synthetic import corpora
from training.augment import Rooms
from training.corpora import read, utterances
from training.speech import views
from training.speech.trunk import Front, Last, load_trunk


@pytest.fixture
def front() -> Front:
    torch.manual_seed(0)
    return Front(1).eval().requires_grad_(requires_grad=False)


def convolutions(front: Front) -> Front:
    alone = Front(0)
    alone.load_state_dict(front.state_dict(), strict=False)
    return alone


def test_the_front_gives_half_the_frames_and_the_last_block_two_layers_of_half_of_those(front: Front) -> None:
    hidden = front(torch.rand(2, 300, 80))
    assert hidden.shape == (2, 150, 384)
    assert Last()(hidden).shape == (2, 75, 2, 384)


def test_a_missing_teacher_and_another_network_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"smart-turn.* is missing; .*--teachers"):
        load_trunk(tmp_path / "smart-turn.onnx", 2)
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph([], "empty", [], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    with pytest.raises(UserError, match="does not hold the encoder"):
        load_trunk(tmp_path / "other.onnx", 2)


def test_a_view_is_what_the_front_makes_of_each_window(front: Front, tmp_path: Path) -> None:
    items = utterances(corpora(tmp_path / "data", per_emotion=2), ["ravdess"])
    view = views.deeper(front.blocks[0], views.heard(convolutions(front), items, tmp_path / "0"), tmp_path / "1")
    assert view.hidden.shape == (24, 150, 384)  # 8 of one window, 8 of 3.5 s and so two
    assert np.bincount(view.of_window).tolist() == [1, 2] * 8
    whole = front(torch.from_numpy(windows(read(items[1].path)))).numpy()
    assert np.abs(view.hidden[1:3] - whole).mean() < 0.02 * np.abs(whole).mean()


def test_a_view_that_was_begun_goes_on_where_it_was(
    front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = utterances(corpora(tmp_path / "data"), ["ravdess"])
    monkeypatch.setattr(views, "_SAVE_EVERY", 3)
    rooms = Rooms.of_esc50(tmp_path / "data", every=1)
    whole = views.heard(convolutions(front), items, tmp_path / "whole", rooms, 1)
    run, calls = views._run, []

    def stopped(layers: torch.nn.Module, inputs: list[np.ndarray]) -> np.ndarray:
        calls.append(len(inputs))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(layers, inputs)

    monkeypatch.setattr(views, "_run", stopped)
    with pytest.raises(KeyboardInterrupt):
        views.heard(convolutions(front), items, tmp_path / "begun", rooms, 1)
    again = views.heard(convolutions(front), items, tmp_path / "begun", rooms, 1)
    assert np.array_equal(again.hidden, whole.hidden)
    assert sum(calls[2:]) == 5  # the first three were not heard again

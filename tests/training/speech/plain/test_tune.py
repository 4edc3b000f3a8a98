"""Training a whole student on: what it hears, how it goes on, and what it keeps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.models.speech import windows
from tests.training.synthetic import corpora
from training.augment import Rooms
from training.corpora import Utterance, read, utterances
from training.speech.plain import tune
from training.speech.plain.head import Head
from training.speech.plain.mels import Mels, bent, masked, mels
from training.speech.plain.student import Student
from training.speech.plain.trunk import Trunk
from training.speech.plain.tune import Material, Tuning, tuned
from training.speech.trunk import Trunk as Encoder

QUICK = Tuning(epochs=4, batch=4, rate_head=3e-3, heard=(("turev", (6, 2)),))


def student() -> Student:
    torch.manual_seed(0)
    return Student(Trunk(Encoder([32])), Head(2, 16))


def material() -> Material:
    """Give eight voices, angry ones louder in the low bands; the last is not used."""
    rng = np.random.default_rng(0)
    items = [Utterance("turev", Path(), emotion, "turev/unknown", None, 3.0) for emotion in ("anger", "sadness") * 4]
    frames = rng.random((8, 300, 80)).astype(np.float16)
    frames[::2, :, :40] += 2
    own = Mels(frames.reshape(-1, 80), np.arange(9) * 300, np.arange(8))
    return Material(items, np.arange(8) < 7, [own, own])


def test_a_view_is_what_the_device_would_hear_and_is_made_once(tmp_path: Path) -> None:
    data = corpora(tmp_path / "data", per_emotion=2)
    items = utterances(data, ["ravdess"])
    plain = mels(items, tmp_path / "cache" / "plain.npz")
    first = windows(read(items[0].path))[0]
    assert np.abs(plain.crop(0, np.random.default_rng(0)) - first).max() < 0.01
    elsewhere = mels(items, tmp_path / "cache" / "elsewhere.npz", 1, 3, lambda: Rooms.of_esc50(data, every=1))
    assert elsewhere.ids.tolist() == [1, 4, 7, 10, 13]
    assert len(elsewhere.begins) == 6

    def never() -> Rooms:
        raise AssertionError

    again = mels(items, tmp_path / "cache" / "elsewhere.npz", 1, 3, never)
    assert np.array_equal(again.frames, elsewhere.frames)


def test_a_crop_is_a_window_of_its_utterance_alone() -> None:
    frames = np.repeat(np.arange(2), [500, 300])[:, None] * np.ones(80)
    own = Mels(frames.astype(np.float16), np.array([0, 500, 800]), np.arange(2))
    rng = np.random.default_rng(0)
    for place in (0, 1) * 20:
        crop = own.crop(place, rng)
        assert crop.shape == (300, 80)
        assert (crop == place).all()


def test_bands_are_moved_by_the_factor_and_at_most_two_spans_are_hidden() -> None:
    slope = np.tile(np.arange(80, dtype=np.float32), (300, 1))
    assert bent(slope, 1.0) == pytest.approx(slope)
    assert bent(slope, 0.5)[0, :40] == pytest.approx(np.arange(40) * 0.5)
    for seed in range(20):
        mel = np.arange(300 * 80, dtype=np.float32).reshape(300, 80)
        mean = mel.mean()
        before = mel.copy()
        masked(mel, np.random.default_rng(seed))
        hidden = mel != before
        assert (mel[hidden] == pytest.approx(mean, rel=0.01)) if hidden.any() else True
        assert hidden.all(axis=1).sum() <= 60
        assert hidden.all(axis=0).sum() <= 16


def test_every_weight_has_one_rate_and_the_lower_stand_the_smaller_are() -> None:
    own = Student(Trunk(Encoder([32, 32])), Head(3, 16))
    groups = tune._groups(own, Tuning())
    names = {id(value): name for name, value in own.named_parameters()}
    rates = {names[id(value)]: group["lr"] for group in groups for value in group["params"]}  # type: ignore[attr-defined]
    assert rates.keys() == set(names.values())
    assert sum(len(group["params"]) for group in groups) == len(names)  # type: ignore[arg-type]
    whole = "trunk.whole."
    order = ["head.classify.weight", f"{whole}blocks.1.q.weight", f"{whole}blocks.0.q.weight", f"{whole}conv1.weight"]
    assert [rates[name] for name in order] == pytest.approx([3e-4, 1.5e-4, (1.5e-4 * 4e-5) ** 0.5, 4e-5])
    assert rates[f"{whole}norms.4.weight"] == rates[order[1]]
    assert rates[f"{whole}norms.1.weight"] == rates[order[2]]


def test_all_of_it_learns_and_a_run_that_was_stopped_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in student().state_dict().items()}
    whole = tuned(student(), [material()], QUICK, tmp_path / "whole.pt", 1)
    after = whole.state_dict()
    assert all((after[name] != before[name]).any() for name in before if not name.endswith("k.weight"))

    rounds: list[float] = []
    loss = tune._loss

    def stopped(*args: object) -> torch.Tensor:
        if len(rounds) == 5:
            raise KeyboardInterrupt
        rounds.append(0.0)
        return loss(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "_loss", stopped)
    with pytest.raises(KeyboardInterrupt):
        tuned(student(), [material()], QUICK, tmp_path / "begun.pt", 1)
    monkeypatch.setattr(tune, "_loss", loss)
    again = tuned(student(), [material()], QUICK, tmp_path / "begun.pt", 1).state_dict()
    assert all(torch.equal(again[name], after[name]) for name in after)


def test_what_is_held_out_is_never_drawn() -> None:
    own = material()
    rng = np.random.default_rng(0)
    drawn = {own.views[view].ids[place] for _ in range(20) for view, place in own.draw(QUICK, rng)}
    assert drawn == set(range(7))

from pathlib import Path

import numpy as np
import pytest
import torch

from training.corpora import Utterance
from training.speech.student import Ear, Head, Size, fresh_ear
from training.speech.targets import known, right
from training.speech.trunk import Last
from training.speech.tune import Lesson, Recipe, answers, train_ear
from training.speech.views import View

SIZE = Size("tiny", 1, hidden=64, channels=16)


def lesson(labels: tuple[str, ...] = ("anger", "sadness"), n: int = 48) -> Lesson:
    """Give hidden values in which one channel tells the first label from the second, in windows of 20 positions."""
    items = [Utterance("turev", Path(), labels[i % 2], "turev/unknown", None, 1.0) for i in range(n)]
    hidden = np.random.default_rng(0).standard_normal((n, 20, 384)).astype(np.float16)
    hidden[::2, :, :8] += 2
    view = View(hidden, np.arange(n))
    soft = np.where(right(items), 2.0, -2.0).astype(np.float32)
    return Lesson(
        items, [view], np.ones(n, bool), right(items), known(items), soft, hidden[:, 0, :8].astype(np.float32)
    )


def test_an_ear_learns_what_labels_and_teacher_say() -> None:
    own = lesson()
    torch.manual_seed(0)
    asked = Recipe(epochs=8, batch=8, pairs=6, mask=(3, 8), rate=5e-3, average=0.8, share=())
    ear = train_ear(Last(), SIZE, [own], asked)
    logits = answers(ear, own.views[0], own.used)
    assert logits.shape == (48, 8)
    assert np.mean(np.where(own.known, logits, -np.inf).argmax(axis=1) == own.right.argmax(axis=1)) > 0.9


def test_answers_are_of_the_used_utterances_and_the_mean_of_their_windows() -> None:
    view = lesson(n=8).views[0]
    torch.manual_seed(0)
    ear = Ear(Last(64), Head(16)).eval()
    each = answers(ear, view, np.ones(8, bool))
    paired = View(view.hidden, np.arange(8) // 2)
    merged = answers(ear, paired, np.array([True, False, True, True]))
    assert merged == pytest.approx(np.stack([each[:2].mean(0), each[4:6].mean(0), each[6:8].mean(0)]), abs=0.05)


def test_labels_count_alike_however_many_there_are() -> None:
    items = [Utterance("turev", Path(), e, "turev/unknown", None, 1.0) for e in ("anger", "anger", "anger", "sadness")]
    nothing = np.zeros((4, 0), np.float32)
    own = Lesson(items, [], np.array([True, True, True, True]), right(items), known(items), nothing, nothing)
    assert own.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])


def test_a_narrower_block_keeps_the_units_that_matter() -> None:
    torch.manual_seed(0)
    last, heard = Last(), torch.randn(4, 10, 384)
    with torch.no_grad():
        last.block.fc2.weight[:, 64:] *= 1e-3
    narrow = fresh_ear(last, SIZE, heard).last
    assert narrow.block.fc1.weight.shape == (64, 384)
    apart = (narrow(heard) - last(heard)).abs().mean() / last(heard).abs().mean()
    assert apart < 0.02

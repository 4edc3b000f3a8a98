from pathlib import Path

import numpy as np
import pytest
import torch

from training.corpora import Utterance
from training.speech.student import Head, Size
from training.speech.targets import known, right
from training.speech.tune import Lesson, Recipe, answers, train_head
from training.speech.views import View

SIZE = Size("tiny", (64,), members=2, channels=16)


def lesson(labels: tuple[str, ...] = ("anger", "sadness"), n: int = 48) -> Lesson:
    """Give what a trunk heard, where one channel tells the first label from the second, in windows of 20 positions.

    The second view has every second utterance of each label alone.
    """
    items = [Utterance("turev", Path(), labels[i % 2], "turev/unknown", None, 1.0) for i in range(n)]
    values = np.random.default_rng(0).standard_normal((n, 20, 3 * 384)).astype(np.float16)
    values[::2, :, :8] += 2
    part = np.flatnonzero(np.arange(n) % 4 < 2)
    views = [View(values, np.arange(n)), View(values[part], part)]
    soft = np.where(right(items), 2.0, -2.0).astype(np.float32)
    vector = values[:, 0, :8].astype(np.float32)
    return Lesson(items, views, np.ones(n, bool), right(items), known(items), soft, vector)


def test_a_head_learns_what_labels_and_teacher_say() -> None:
    own = lesson()
    asked = Recipe(epochs=8, batch=8, positions=6, rate=5e-3, average=0.8, follow=0.3, share=())
    head = train_head(SIZE, [own], asked)
    logits = answers(head, own.views[0], own.used)
    assert logits.shape == (48, 8)
    assert np.mean(np.where(own.known, logits, -np.inf).argmax(axis=1) == own.right.argmax(axis=1)) > 0.9
    # Emotions that the corpus does not have got no gradient: their weights only decayed from where they began.
    assert np.abs(logits[:, ~own.known].mean()) < 1.5


def test_a_smoothed_corpus_is_named_with_less_certainty() -> None:
    own = lesson()
    spread = []
    for smoothing in (0.0, 0.5):
        asked = Recipe(epochs=6, batch=8, positions=6, rate=5e-3, teach=0, smoothing=(("turev", smoothing),), share=())
        logits = answers(train_head(SIZE, [own], asked), own.views[0], own.used)[:, own.known]
        spread.append(float(np.mean(logits.max(axis=1) - logits.min(axis=1))))
    assert spread[1] < 0.8 * spread[0]


def test_members_begin_and_end_apart_and_answer_together() -> None:
    own = lesson()
    head = train_head(SIZE, [own], Recipe(epochs=2, batch=8, positions=6, share=()))
    with torch.no_grad():
        x = torch.from_numpy(own.views[0].values[:4]).float()
        each = torch.stack([logits for _, logits in head.each(head.project(x))], dim=1)
        assert torch.allclose(head(x), each.mean(dim=1), atol=1e-5)
    assert (each[:, 0] - each[:, 1]).abs().max() > 0.01


def test_only_used_utterances_are_drawn_from_every_view() -> None:
    own = lesson()
    kept = Lesson(
        own.items, own.views, np.arange(48) < 8, own.right, own.known, own.soft, own.vector
    )  # fmt: skip
    drawn = kept.draw(Recipe(share=()), np.random.default_rng(0))
    seen = {(int(view), int(kept.views[view].of_window[window])) for view, window in drawn}
    assert seen == {(0, item) for item in range(8)} | {(1, item) for item in (0, 1, 4, 5)}
    assert len(kept.draw(Recipe(share=(("turev", 0.5),)), np.random.default_rng(0))) == 6


def test_answers_are_of_the_used_utterances_and_the_mean_of_their_windows() -> None:
    view = lesson(n=8).views[0]
    torch.manual_seed(0)
    head = Head(SIZE).eval()
    each = answers(head, view, np.ones(8, bool))
    paired = View(view.values, np.arange(8) // 2)
    merged = answers(head, paired, np.array([True, False, True, True]))
    assert merged == pytest.approx(np.stack([each[:2].mean(0), each[4:6].mean(0), each[6:8].mean(0)]), abs=1e-4)


def test_labels_count_alike_however_many_there_are() -> None:
    items = [Utterance("turev", Path(), e, "turev/unknown", None, 1.0) for e in ("anger", "anger", "anger", "sadness")]
    nothing = np.zeros((4, 0), np.float32)
    own = Lesson(items, [], np.array([True, True, True, True]), right(items), known(items), nothing, nothing)
    assert own.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.speech.lessons import lesson
from training.corpora import Utterance
from training.speech.targets import known, right


def test_only_used_utterances_are_drawn_from_every_view() -> None:
    own = lesson(used=8)
    drawn = own.draw(100, 100, np.random.default_rng(0))
    seen = [(view, int(own.views[view].ids[place])) for view, place in drawn]
    assert sorted(seen) == [(0, item) for item in range(8)] + [(1, item) for item in (0, 1, 4, 5)]


def test_an_epoch_hears_as_many_as_it_asks_for_and_others_each_time() -> None:
    own, rng = lesson(), np.random.default_rng(0)
    epochs = [own.draw(3, 2, rng) for _ in range(20)]
    assert {tuple(sorted(view for view, _ in epoch)) for epoch in epochs} == {(0, 0, 0, 1, 1)}
    assert {place for epoch in epochs for view, place in epoch if view == 0} == set(range(14))


def test_labels_count_alike_however_many_there_are() -> None:
    items = [Utterance("turev", Path(), e, "turev/unknown", None, 1.0) for e in ("anger", "anger", "anger", "sadness")]
    own = replace(lesson(), items=items, used=np.ones(4, bool), right=right(items), known=known(items))
    assert own.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])

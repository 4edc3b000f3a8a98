from pathlib import Path

import numpy as np
import pytest
import torch

from moments import EMOTIONS
from training.corpora import Utterance
from training.speech.probe import balanced, fit_probe
from training.speech.targets import known, label_loss, right


def items(*emotions: str) -> list[Utterance]:
    return [Utterance("any", Path(), emotion, "any/1", None, 1.0) for emotion in emotions]


def test_a_corpus_that_tells_calm_from_neutral_means_one_of_them() -> None:
    both = items("neutral", "calm", "anger")
    assert right(both).sum(axis=1).tolist() == [1, 1, 1]
    assert known(both).sum() == 3


def test_a_corpus_that_does_not_means_either() -> None:
    for word in ("neutral", "calm"):
        own = items(word, "anger")
        assert [EMOTIONS[i] for i in np.flatnonzero(right(own)[0])] == ["neutral", "calm"]
        assert [EMOTIONS[i] for i in np.flatnonzero(known(own))] == ["neutral", "calm", "anger"]


def test_emotions_that_a_corpus_does_not_have_get_no_push() -> None:
    own = items("neutral", "anger")
    logits = torch.randn(2, 8, requires_grad=True)
    loss = label_loss(logits, torch.from_numpy(right(own)), torch.from_numpy(known(own)), smoothing=0.1)
    loss.sum().backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[:, ~torch.from_numpy(known(own))].abs() < 1e-6)


def test_a_head_finds_the_layer_that_knows() -> None:
    rng = np.random.default_rng(0)
    own = items(*("anger", "sadness") * 100)
    pooled = rng.standard_normal((200, 3, 6)).astype(np.float16)
    pooled[::2, 1] += 1.5
    weights = balanced([right(own)])
    assert weights.sum() == pytest.approx(1.0)
    probe = fit_probe(pooled, right(own), np.tile(known(own), (200, 1)), weights)
    assert probe.layers.argmax() == 1
    assert np.mean(probe.logits(pooled).numpy().argmax(axis=1) == right(own).argmax(axis=1)) > 0.95
    assert torch.allclose(probe.vector(pooled) @ probe.weight.T + probe.bias, probe.logits(pooled))

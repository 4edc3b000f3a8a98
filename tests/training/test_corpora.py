from pathlib import Path

import numpy as np
import pytest

from moments import EMOTIONS
from moments.errors import UserError
from tests.training.synthetic import corpora
from training.corpora import read, sounds, utterances


def test_every_label_is_one_of_ours_however_the_corpus_spells_it(tmp_path: Path) -> None:
    items = utterances(corpora(tmp_path), ["ravdess", "nemo"])
    assert {item.emotion for item in items} <= set(EMOTIONS)
    assert [item.emotion for item in items[:4]] == ["anger", "calm", "happiness", "sadness"]
    assert {item.emotion for item in items if item.corpus == "nemo"} == {"anger", "surprise", "neutral"}


def test_folds_are_the_manifests_own_or_one_a_speaker(tmp_path: Path) -> None:
    items = utterances(corpora(tmp_path), ["ravdess", "nemo"])
    assert {(item.speaker, item.fold) for item in items} == {
        ("ravdess/actor_01", 1),
        ("ravdess/actor_02", 2),
        ("nemo/AA0", 1),
        ("nemo/ZZ0", 2),
    }


def test_a_recording_is_read_at_sixteen_kilohertz_whatever_its_rate(tmp_path: Path) -> None:
    rain = sounds(corpora(tmp_path), "esc50")[0]
    assert (rain.label, rain.group, rain.fold) == ("rain", "2", 1)
    samples = read(rain.path)
    assert samples.dtype == np.float32
    assert len(samples) == 16_000
    assert np.abs(samples).max() == pytest.approx(0.2, abs=0.1)


def test_a_folder_without_the_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tess/manifest\.tsv is missing; .*--data"):
        utterances(tmp_path, ["tess"])


def test_a_manifest_without_a_column_that_is_needed_names_it(tmp_path: Path) -> None:
    manifest = corpora(tmp_path) / "esc50" / "manifest.tsv"
    manifest.write_text(manifest.read_text().replace("seconds", "length", 1))
    with pytest.raises(UserError, match=r"esc50/manifest\.tsv has no column 'seconds'; give path, label, seconds"):
        sounds(tmp_path, "esc50")

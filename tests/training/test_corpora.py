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


def test_a_corpus_whose_folds_are_needed_has_to_tell_them(tmp_path: Path) -> None:
    for corpus in ("ravdess", "esc50"):
        manifest = corpora(tmp_path) / corpus / "manifest.tsv"
        manifest.write_text(manifest.read_text().replace("fold", "part", 1))
        with pytest.raises(UserError, match=rf"{corpus}/manifest\.tsv has no column 'fold'; give path, .*, fold"):
            utterances(tmp_path, [corpus]) if corpus == "ravdess" else sounds(tmp_path, corpus)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\tangry\t", "\tbored\t", "emotion is 'bored'; give one of neutral, calm"),
        ("\t1\t1.000", "\t\t1.000", "fold is ''; give 1 to 6"),
        ("\t1\t1.000", "\t7\t1.000", "fold is '7'; give 1 to 6"),
        ("\t1\t1.000", "\tone\t1.000", "fold is 'one'; give 1 to 6"),
        ("\t1\t1.000", "\t1\t", "seconds is ''; give the length"),
        ("\t1\t1.000", "\t1", "seconds is ''; give the length"),
        ("\t1\t1.000", "\t1\tnan", "seconds is 'nan'; give the length"),
        ("angry_0.wav", "angry_9.wav", "'actor_01/angry_9.wav' is not there; put the recording there"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    manifest = corpora(tmp_path) / "ravdess" / "manifest.tsv"
    manifest.write_bytes(manifest.read_bytes().replace(old.encode(), new.encode(), 1))
    with pytest.raises(UserError, match=r"ravdess/manifest\.tsv, line 2: " + told):
        utterances(tmp_path, ["ravdess"])


def test_a_manifest_without_recordings_is_named(tmp_path: Path) -> None:
    manifest = corpora(tmp_path) / "turev" / "manifest.tsv"
    manifest.write_text(manifest.read_text().splitlines()[0] + "\n")
    with pytest.raises(UserError, match=r"turev/manifest\.tsv lists no recording"):
        utterances(tmp_path, ["turev"])


def test_a_recording_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(b"half of it")
    with pytest.raises(UserError, match=r"a\.ogg cannot be read as sound"):
        read(tmp_path / "a.ogg")

"""Where results are kept."""

from pathlib import Path

from tests.training.speech.tiny import wavlm
from tests.training.synthetic import corpora
from training.speech import recipe
from training.speech.student import SIZES
from training.speech.tune import Recipe
from training.speech.workshop import Workshop


def shop(data: Path, which: str) -> Workshop:
    return Workshop(data, data, data.parent / "cache", SIZES["small"], which)


def test_results_are_not_taken_for_those_of_other_folds_labels_or_speakers(tmp_path: Path) -> None:
    which = f"wavlm:{wavlm(tmp_path / 'tiny')}"
    folders = [shop(corpora(tmp_path / "data"), which).folds(Recipe())]
    for corpus, old, new in (
        ("ravdess", "\t2\t1.000", "\t3\t1.000"),
        ("esc50", "rain\t2\t1", "rain\t2\t5"),
        ("tess", "disgust\tOAF", "fear\tOAF"),
        ("nemo", "anger\tZZ0", "anger\tAA1"),
    ):
        manifest = tmp_path / "data" / corpus / "manifest.tsv"
        before = manifest.read_bytes()
        manifest.write_bytes(before.replace(old.encode(), new.encode(), 1))
        assert manifest.read_bytes() != before
        folders.append(shop(tmp_path / "data", which).folds(Recipe()))
    assert len(set(folders)) == len(folders)
    assert shop(corpora(tmp_path / "elsewhere" / "data"), which).folds(Recipe()).name == folders[0].name


def test_weights_tell_whose_answers_they_belong_to_and_no_place(tmp_path: Path) -> None:
    own = shop(corpora(tmp_path / "data"), f"wavlm:{wavlm(tmp_path / 'tiny')}")
    about = recipe.origin(own, Recipe())
    assert about["results"] == own.folds(Recipe()).name
    assert (about["which"], about["distilled"], about["size"]) == ("wavlm:tiny", True, "small")
    assert str(tmp_path) not in repr(about)

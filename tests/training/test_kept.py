"""Files of a cache."""

from dataclasses import replace
from pathlib import Path

import pytest

from training.corpora import Sound, Utterance
from training.kept import digest, digest_listed, whole


def test_what_is_stopped_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "kept.txt"
    with whole(file) as begun:
        begun.write_text("whole")
    writes = whole(file)
    writes.__enter__().write_text("ha")
    with pytest.raises(KeyboardInterrupt):
        writes.gen.throw(KeyboardInterrupt)
    assert file.read_text() == "whole"
    assert list(file.parent.iterdir()) == [file]


def test_the_order_of_recordings_has_a_name_of_its_own_wherever_they_stand() -> None:
    here, there = ([Path(top, "esc50/clips", name) for name in ("a.ogg", "b.ogg")] for top in ("/here", "/there/data"))
    assert digest(here) == digest(there)
    assert digest(here) != digest(here[::-1])
    assert digest(here) != digest(here[:1])


def test_recordings_of_another_emotion_speaker_fold_or_label_have_a_name_of_their_own() -> None:
    said = Utterance("nemo", Path("/here/nemo/A/1.ogg"), "anger", "nemo/A", 1, 1.0)
    rain = Sound("esc50", Path("/here/esc50/1.ogg"), "rain", None, 1, 5.0)
    for data in ("/a/data", "data", "."):
        there = [replace(said, path=Path(data, "nemo/A/1.ogg")), replace(rain, path=Path(data, "esc50/1.ogg"))]
        assert digest_listed(there) == digest_listed([said, rain])
    others = [
        [replace(said, emotion="fear"), rain],
        [replace(said, speaker="nemo/B"), rain],
        [replace(said, fold=2), rain],
        [replace(said, path=Path("/here/nemo/A/2.ogg")), rain],
        [said, replace(rain, label="sea")],
        [said, replace(rain, fold=5)],
        [said],
    ]
    assert len({digest_listed(items) for items in ([said, rain], *others)}) == 1 + len(others)

"""Files of a cache."""

from pathlib import Path

import pytest

from training.kept import digest, whole


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

import errno
import os
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from edge.records import shelf as shelves
from edge.records.clip import Safe, packed
from edge.records.shelf import Shelf
from edge.sound import RATE

DAY = 86_400


class Disk:
    """A disk of a size that the test chooses."""

    def __init__(self, monkeypatch, total):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shelves.shutil, "disk_usage", lambda _: usage(total, 0, total))


@pytest.fixture
def opened(tmp_path):
    return lambda **more: Shelf(tmp_path / "clips", Safe(None), **({"max_days": 30, "max_disk_share": 0.5} | more))


def clip(number, kind="mark", begin=0.0, seconds=1):
    sound = np.random.default_rng(number).integers(-999, 999, seconds * RATE).astype(np.int16)
    return packed(sound, Safe(None), kind=kind, record=None, moments=[f"m{number}"], begin=begin)


def names(shelf):
    return [kept.label.moments[0] for kept in shelf.all()]


def test_what_was_put_is_there_also_after_a_restart_and_only_for_its_owner(opened):
    label, content = clip(1)
    shelf = opened()
    assert shelf.put(label, content)
    again = opened()
    assert [kept.label for kept in again.all()] == [label]
    assert again.sound(label.sha256) is not None
    assert again.all()[0].path.stat().st_mode & 0o077 == 0
    assert again.folder.stat().st_mode & 0o077 == 0
    again.remove(label.sha256)
    assert opened().all() == []


def test_marks_and_then_the_newest_are_worth_most(opened):
    shelf = opened()
    for number, kind, begin in [(1, "mark", 10), (2, "ordinary", 90), (3, "mark", 50), (4, "ordinary", 20)]:
        shelf.put(*clip(number, kind, begin))
    assert names(shelf) == ["m3", "m1", "m2", "m4"]


def test_beyond_its_share_of_the_disk_the_oldest_ordinary_ones_go_first_and_marks_last(opened, monkeypatch, caplog):
    shelf = opened()
    clips = [clip(1, "mark", 1), clip(2, "ordinary", 5), clip(3, "ordinary", 9), clip(4, "mark", 7)]
    Disk(monkeypatch, total=2 * int(len(clips[0][1]) * 4.3))
    for each in clips:
        assert shelf.put(*each)
    order = []
    for number in range(5, 9):
        before = set(names(shelf))
        assert shelf.put(*clip(number, "mark", 100 + number))
        order += before - set(names(shelf))
    assert order == ["m2", "m3", "m1", "m4"]
    assert shelf.dropped == {"size": 4}
    assert "a clip was dropped" in caplog.text
    assert len(list(shelf.folder.iterdir())) == 4


def test_an_ordinary_clip_takes_no_mark_s_room(opened, monkeypatch):
    shelf = opened()
    marks = [clip(number, "mark", number) for number in (1, 2)]
    for mark in marks:
        shelf.put(*mark)
    Disk(monkeypatch, total=2 * int(len(marks[0][1]) * 3.3))
    assert shelf.put(*clip(3, "ordinary", 10))
    assert shelf.put(*clip(4, "ordinary", 20)), "the older ordinary one goes"
    assert not shelf.put(*clip(5, "ordinary", 30, seconds=2))
    assert names(shelf) == ["m2", "m1"]
    assert shelf.dropped == {"size": 3}
    assert shelf.trouble is None, "a bound is none"


def test_beyond_its_age_a_clip_goes(opened):
    shelf = opened()
    for number, begin in [(1, 0.0), (2, 2 * DAY)]:
        shelf.put(*clip(number, begin=begin))
    shelf.tick(None)
    assert len(names(shelf)) == 2
    shelf.tick(31 * DAY)
    assert names(shelf) == ["m2"]
    assert shelf.dropped == {"age": 1}


def test_a_clip_of_unknown_time_ages_from_when_the_time_is_first_known_whatever_comes_between(opened):
    opened().put(*clip(1, begin=None))
    for now in (None, 100 * DAY, None, 129 * DAY):
        shelf = opened()
        shelf.tick(now)
        assert names(shelf) == ["m1"], f"at {now}"
    shelf.tick(131 * DAY)
    assert names(shelf) == []
    assert shelf.dropped == {"age": 1}


def test_a_clip_of_unknown_time_on_a_disk_that_takes_nothing_stays(opened, monkeypatch):
    shelf = opened()
    shelf.put(*clip(1, begin=None))

    def refuses(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(shelves.os, "utime", refuses)
    for days in (100, 200):
        shelf.tick(days * DAY)
    assert names(shelf) == ["m1"]


def test_a_full_disk_costs_older_clips_and_then_the_new_one_and_is_told(opened, monkeypatch):
    shelf = opened()
    shelf.put(*clip(1))
    room = {"left": 0}
    write = os.fsync

    def full(file):
        if room["left"] <= 0:
            raise OSError(28, "No space left on device")
        write(file)

    monkeypatch.setattr(shelves.os, "fsync", full)
    assert not shelf.put(*clip(2))
    assert "No space left" in shelf.trouble
    assert shelf.dropped == {"disk": 2}
    assert list(shelf.folder.iterdir()) == [], "nothing half written is left"
    room["left"] = 1
    assert shelf.put(*clip(3))
    assert shelf.trouble is None


def test_a_disk_that_takes_files_again_and_has_room_is_no_trouble_though_nothing_is_put(opened, monkeypatch):
    shelf = opened()

    def full(_file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(shelves.os, "fsync", full)
        assert not shelf.put(*clip(1))
        shelf.tick(None)
        assert "No space left" in shelf.trouble
    with monkeypatch.context() as disk:
        Disk(disk, total=100_000)
        shelf.tick(None)
        assert "No space left" in shelf.trouble, "there is none for a clip"
    shelf.tick(None)
    assert shelf.trouble is None
    assert list(shelf.folder.iterdir()) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_disk_that_fails_and_is_not_full_costs_no_other_clip(opened, monkeypatch, times):
    shelf = opened()
    shelf.put(*clip(1))
    write, failures = os.fsync, [OSError(errno.EIO, os.strerror(errno.EIO))] * times

    def fails(file):
        if failures:
            raise failures.pop()
        write(file)

    monkeypatch.setattr(shelves.os, "fsync", fails)
    assert shelf.put(*clip(2)) is (times == 1)
    assert set(names(shelf)) == ({"m1", "m2"} if times == 1 else {"m1"})
    assert shelf.dropped == ({} if times == 1 else {"disk": 1})


def test_a_folder_that_cannot_be_made_is_told_and_no_end(tmp_path):
    (tmp_path / "file").write_text("")
    shelf = Shelf(tmp_path / "file" / "clips", Safe(None), max_days=1, max_disk_share=0.1)
    assert not shelf.put(*clip(1))
    assert shelf.trouble


def test_a_folder_that_cannot_be_looked_at_is_told_and_no_end(tmp_path):
    assert Shelf(tmp_path / ("x" * 300), Safe(None), max_days=1, max_disk_share=0.1).trouble


def test_what_a_power_cut_left_half_written_goes_and_what_is_broken_is_counted(opened, tmp_path):
    shelf = opened()
    shelf.put(*clip(1))
    (shelf.folder / "a.part").write_bytes(b"half")
    (shelf.folder / "b.clip").write_bytes(b"no label")
    (shelf.folder / "notes.txt").write_text("the owner's own")
    again = opened()
    assert names(again) == ["m1"]
    assert again.dropped == {"broken": 1}
    assert {path.name for path in shelf.folder.iterdir()} == {shelf.all()[0].path.name, "notes.txt"}


def refusing(monkeypatch, method, error):
    """Have the disk refuse that of a clip."""
    does = getattr(Path, method)

    def refused(path, *args, **more):
        if path.suffix == ".clip":
            raise OSError(error, os.strerror(error))
        return does(path, *args, **more)

    monkeypatch.setattr(Path, method, refused)


def test_a_clip_that_cannot_be_read_now_stays(opened, monkeypatch):
    shelf = opened()
    shelf.put(*clip(1))
    with monkeypatch.context() as disk:
        refusing(disk, "open", errno.EIO)
        again = opened()
        assert names(again) == []
        again.tick(None)
        assert "cannot be read: Input/output error; it stays there" in again.trouble
        assert again.dropped == {}
    assert names(opened()) == ["m1"]


def test_what_the_disk_does_not_let_go_is_not_called_erased(opened, monkeypatch):
    shelf = opened(max_days=1)
    for number in (1, 2):
        shelf.put(*clip(number))
    with monkeypatch.context() as disk:
        refusing(disk, "unlink", errno.EROFS)
        for _ in range(2):
            with pytest.raises(OSError, match="Read-only"):
                shelf.erase(touching=lambda _: True)
        for _ in range(2):
            shelf.tick(9 * DAY)
            assert "Read-only file system; clips cannot be removed" in shelf.trouble
        assert shelf.dropped == {}, "nothing went"
    shelf.tick(DAY)
    assert shelf.trouble is None, "the disk is well again"
    assert shelf.erase(touching=lambda _: True) == 2
    assert opened().all() == []


def test_a_clip_that_was_erased_has_no_name_on_the_disk(opened, synced):
    shelf = opened()
    for number in (1, 2, 3):
        shelf.put(*clip(number))
    synced.clear()
    assert shelf.erase(moments=["m1", "m3"]) == 2
    assert synced == [[shelf.all()[0].path.name]]
    assert shelf.erase(moments=["m1"]) == 0
    assert len(synced) == 1, "what is not there costs nothing"


def test_a_disk_that_lets_nothing_go_takes_no_more_than_its_share(opened, monkeypatch):
    shelf = opened()
    first, second = clip(1), clip(2)
    Disk(monkeypatch, total=int(len(first[1]) * 2.5))
    assert shelf.put(*first)
    refusing(monkeypatch, "unlink", errno.EROFS)
    assert not shelf.put(*second)
    assert names(shelf) == ["m1"]

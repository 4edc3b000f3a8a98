"""Erasing reaches the sound of what is erased, and no other."""

import errno
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.records import clips
from hub.records.sounds import clip_name
from hub.stores.beside import records
from hub.stores.rows import key, ms
from hub.stores.tables import clip_moments
from hub.telling import Telling
from moments import uuid7
from tests.hub.forgetting import OTHER, filtered, keep
from tests.hub.moments import START, clip, make


def test_a_sound_that_the_disk_does_not_let_go_is_erased_later(store, forgetting, sounds, monkeypatch):
    store.take([make(device="a", clip=clip())])
    path = keep(store, sounds, "a")

    def refuse(_sha256):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(sounds, "forget", refuse)
        assert forgetting.matching(filtered(device="a")) == 1
    assert path.exists()
    forgetting.finish()
    assert not path.exists()


def test_a_sound_that_no_clip_came_to_name_is_erased(store, forgetting, sounds, monkeypatch):
    sent = clips.Sent(clip().sha256, "a", None, 4.2, "audio/flac")
    with sounds.open("a") as file:
        file.write(b"marker-sound")
    complete = sounds.complete

    def killed(name, sha256):
        complete(name, sha256)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sounds, "complete", killed)
        with pytest.raises(KeyboardInterrupt):
            clips.keep(store, sounds, sent, "a")
    assert sounds.path(sent.sha256).exists()
    other = keep(store, sounds, "b", OTHER)
    forgetting.finish()
    assert not sounds.path(sent.sha256).exists()
    assert other.exists()


def test_a_clip_that_only_an_earlier_moment_named_goes_with_the_last_of_its_record(store, forgetting, sounds):
    record = uuid7()
    first = make(device="a", origin="mark", record=record, clip=clip())
    last = make(device="a", origin="mark", record=record, emotion="anger")
    store.take([first, last])
    path = keep(store, sounds, "a")
    forgetting.matching(filtered(emotion="happiness"))
    assert path.exists()
    forgetting.matching(filtered(emotion="anger"))
    assert not path.exists()


def test_a_clip_goes_with_its_record_unless_another_device_has_the_same_sound(store, forgetting, sounds):
    mine = make(device="a", origin="mark", record=uuid7(), clip=clip())
    twin = make(device="b", origin="mark", record=uuid7(), clip=clip())
    store.take([mine, twin])
    path = keep(store, sounds, "a")
    keep(store, sounds, "b")
    forgetting.matching(filtered(device="a"))
    assert path.exists()
    forgetting.matching(filtered(device="b"))
    assert not path.exists()


def test_sound_that_came_before_its_moment_is_erased_too(store, forgetting, sounds):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    path, others = keep(store, sounds, "a"), keep(store, sounds, "b", OTHER)
    forgetting.matching(filtered(owner="Ann"))
    assert not path.exists()
    assert others.exists()
    with store.reading() as connection:
        assert [row.device for row in connection.execute(select(clips.clips))] == ["b"]


def test_sound_of_a_time_stays_where_a_moment_of_another_time_has_it(store, forgetting, sounds):
    store.take([make(device="a", clip=clip())])
    path = keep(store, sounds, "a")
    forgetting.matching(filtered(device="a", **{"from": (START + timedelta(hours=1)).isoformat()}))
    assert path.exists()
    forgetting.matching(filtered(device="a"))
    assert not path.exists()


def test_such_sound_is_of_the_time_that_its_record_s_id_tells(store, forgetting, sounds):
    store.take([make(device="a")])
    record, other = uuid7(ms(START)), uuid7(ms(START + timedelta(days=1)))
    path, later = (keep(store, sounds, "a", two, key(name)) for two, name in ((clip(), record), (OTHER, other)))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    assert not path.exists()
    assert later.exists()
    with store.reading() as connection:
        assert clips.is_erased(connection, key(record)), "what comes of it later is not wanted"
        assert not clips.is_erased(connection, key(other))


def test_such_sound_without_a_record_is_of_the_time_that_its_moment_s_id_tells(any_store, sounds, wire):
    any_store.take([make(device="a")])
    moment, other = uuid7(ms(START)), uuid7(ms(START + timedelta(days=1)))
    path, later = (
        keep(any_store, sounds, "a", two, None, key(name)) for two, name in ((clip(), moment), (OTHER, other))
    )
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    assert not path.exists()
    assert later.exists()


def test_a_clip_goes_with_the_moment_that_it_was_sent_for_though_that_names_none(any_store, sounds, wire):
    first, second = make(device="a"), make(device="a", emotion="anger")
    any_store.take([first, second])
    gone, kept = (keep(any_store, sounds, "a", two, None, key(of.id)) for two, of in ((clip(), first), (OTHER, second)))
    Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store)).matching(
        filtered(emotion="happiness")
    )
    assert not gone.exists()
    assert kept.exists()
    with any_store.reading() as connection:
        assert connection.execute(select(clip_moments.c.moment)).scalars().all() == [key(second.id)]


def test_a_clip_whose_moment_is_here_is_of_the_moment_s_time(store, forgetting, sounds):
    moment = make(device="a")
    store.take([moment])
    path = keep(store, sounds, "a", moment=key(moment.id))
    forgetting.matching(filtered(device="a", **{"from": (START + timedelta(hours=1)).isoformat()}))
    assert path.exists(), "when the moment's id was made, and when the clip came, is another time"
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    assert not path.exists()


def test_what_is_still_arriving_from_a_device_is_erased(store, forgetting, sounds):
    store.take([make(device="a"), make(device="b")])
    for device in ("a", "b"):
        with sounds.open(clip_name("ab" * 32, device)) as file:
            file.write(b"half of a sound")
    forgetting.matching(filtered(device="a"))
    assert sounds.size(clip_name("ab" * 32, "a")) == 0
    assert sounds.size(clip_name("ab" * 32, "b")) > 0


def test_a_clip_stays_while_its_record_has_a_moment_left(store, forgetting, sounds):
    record = uuid7()
    first, second = (
        make(device="a", origin="mark", record=record, clip=clip(), start=at)
        for at in (START, START + timedelta(hours=1))
    )
    store.take([first, second])
    path = keep(store, sounds, "a")
    forgetting.matching(filtered(device="a", to="2026-05-22T01:00:00Z"))
    assert path.exists()
    with store.reading() as connection:
        assert len(connection.execute(select(records)).all()) == 1
    forgetting.matching(filtered(device="a"))
    assert not path.exists()


def test_the_bytes_of_a_sound_are_overwritten(sounds, tmp_path):
    with sounds.open("x") as file:
        file.write(b"marker-sound")
    sounds.complete("x", "ab" * 32)
    twin = tmp_path / "twin"
    twin.hardlink_to(sounds.path("ab" * 32))
    sounds.forget("ab" * 32)
    assert twin.read_bytes() == bytes(12)

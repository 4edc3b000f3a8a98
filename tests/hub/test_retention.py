"""What is old goes when the owner wants it, and what a person made stays."""

import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import commanded
from hub.config import Retention
from hub.forgetting import without_broker
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.records import clips
from hub.records.sounds import Sounds
from hub.retention import Retainer, forget_old
from hub.settings.keep import write
from hub.settings.shapes import Settings
from hub.stores.letters import HOLD_DAYS, Letter, dropped
from hub.stores.rows import ms
from hub.stores.store import now_ms
from hub.stores.tables import clip_moments
from hub.telling import Telling
from moments import uuid7
from tests.hub.moments import START, clip, make
from tests.parts import wait_until

NOW = ms(START + timedelta(days=30))
OLD, YOUNG = START, START + timedelta(days=1)


@pytest.fixture
def forgetting(store, tmp_path):
    return without_broker(store, Sounds(tmp_path / "sounds"))


def ids(store):
    return {item["id"] for item in everything(store, Filter())}


def test_only_what_is_older_than_its_kinds_age_is_erased(store, forgetting):
    speech = [make(start=OLD), make(start=YOUNG)]
    scenes = [make(start=OLD, basis="scene"), make(start=YOUNG, basis="scene")]
    store.take(speech + scenes)
    assert forget_old(store, forgetting, Retention(), NOW) == 0
    assert forget_old(store, forgetting, Retention(speech_days=29), NOW) == 1
    assert ids(store) == {speech[1].id, scenes[0].id, scenes[1].id}
    assert store.take(speech) == set()


def test_what_a_person_made_stays(store, forgetting):
    noted, corrected, marked, written = (
        make(start=OLD),
        make(start=OLD),
        make(start=OLD, origin="mark"),
        make(start=OLD, origin="note", basis="none"),
    )
    passing = make(start=OLD)
    store.take([noted, corrected, marked, written, passing])
    store.write_note(noted.id, "by the sea")
    store.correct(corrected.id, "calm")
    assert forget_old(store, forgetting, Retention(speech_days=1, scene_days=1), NOW) == 1
    assert ids(store) == {noted.id, corrected.id, marked.id, written.id}


def test_the_hub_does_so_by_itself_and_ends_when_told(store, forgetting):
    store.take([make(start=OLD)])
    retainer = Retainer(store, forgetting, Retention(speech_days=1), clock=lambda: NOW)
    retainer.start()
    wait_until(lambda: not ids(store))
    retainer.close()
    assert all(thread.name != "retention" for thread in threading.enumerate())


def test_dead_letters_that_are_too_old_go_with_it(store, forgetting):
    store.take([], [Letter("moodscape/v1/pocket-1/moment", "is none", b"x")])
    retainer = Retainer(store, forgetting, Retention(), clock=lambda: now_ms() + (HOLD_DAYS + 1) * 86_400_000)
    retainer.start()
    wait_until(lambda: gone(store) == 1)
    retainer.close()


def test_commands_that_are_too_old_go_with_it(store, forgetting):
    telling = Telling(store, lambda *_, **__: True)
    telling.command("pocket-1", {"id": "ping-1", "do": "ping", "until": None, "args": {}})
    retainer = Retainer(store, forgetting, Retention(), clock=lambda: now_ms() + 91 * 86_400_000)
    assert commanded.find(store, "pocket-1", "ping-1")
    retainer.start()
    wait_until(lambda: commanded.find(store, "pocket-1", "ping-1") is None)
    retainer.close()


def gone(store):
    with store.reading() as connection:
        return dropped(connection)


def test_what_an_owner_set_comes_before_the_hubs_settings(store, forgetting):
    anns, nobodys = make(start=OLD, device="a"), make(start=OLD, device="b")
    store.take([anns, nobodys])
    store.describe_device("a", name=None, owner="Ann")
    write(store, "Ann", settings=Settings.model_validate({"retention": {"speech_days": 1}}))
    assert forget_old(store, forgetting, Retention(speech_days=365), NOW) == 1
    assert ids(store) == {nobodys.id}


def test_the_sound_of_an_old_clip_goes_and_its_moment_stays(store, forgetting, tmp_path):
    kept = make(start=OLD, origin="mark", record=uuid7(), clip=clip())
    store.take([kept])
    sounds = Sounds(tmp_path / "sounds")
    with sounds.open("x") as file:
        file.write(b"sound")
    sent = clips.Sent(clip().sha256, "pocket-1", None, 4.2, "audio/flac", clips.key_of(kept.id))
    clips.keep(store, sounds, sent, "x")
    assert forget_old(store, forgetting, Retention(clip_days=1), now_ms()) == 0
    assert sounds.path(clip().sha256).exists()
    assert forget_old(store, forgetting, Retention(clip_days=1), now_ms() + 2 * 86_400_000) == 0
    assert not sounds.path(clip().sha256).exists()
    assert ids(store) == {kept.id}
    with store.reading() as connection:
        assert connection.execute(select(clip_moments)).all() == []


def test_an_erasing_that_the_hubs_end_cut_short_is_ended_at_its_start(store, tmp_path, monkeypatch):
    store.take([make(clip=clip())])
    sounds = Sounds(tmp_path / "sounds")
    with sounds.open("x") as file:
        file.write(b"sound")
    clips.keep(store, sounds, clips.Sent(clip().sha256, "pocket-1", None, 4.2, "audio/flac"), "x")
    before = without_broker(store, sounds)
    monkeypatch.setattr(before, "_tidy", lambda: None)
    assert before.matching(Filter(device=("pocket-1",))) == 1
    assert sounds.path(clip().sha256).exists()
    retainer = Retainer(store, without_broker(store, sounds), Retention())
    retainer.start()
    wait_until(lambda: not sounds.path(clip().sha256).exists())
    retainer.close()


def test_parts_of_sounds_that_stopped_arriving_are_erased_after_two_days(store, tmp_path):
    sounds = Sounds(tmp_path / "sounds")
    for name in ("upload-1", "clip-2"):
        with sounds.open(name) as file:
            file.write(b"half of a sound")
    at_ms = now_ms()
    forgetting = without_broker(store, sounds)
    os.utime(sounds.arriving("upload-1"), (at_ms / 1000 - 3 * 86_400,) * 2)
    retainer = Retainer(store, forgetting, Retention(), lambda: at_ms)
    retainer.start()
    wait_until(lambda: not sounds.size("upload-1"))
    retainer.close()
    assert sounds.size("clip-2")


def test_sound_whose_moment_stayed_away_for_longer_than_a_device_keeps_it_goes(store, forgetting, tmp_path):
    sounds = Sounds(tmp_path / "sounds")
    named, unnamed, of_another = "aa" * 32, "bb" * 32, "cc" * 32
    for sha256 in (named, unnamed, of_another):
        with sounds.open("x") as file:
            file.write(b"sound")
        clips.keep(store, sounds, clips.Sent(sha256, "a", None, 4.2, "audio/flac", clips.key_of(uuid7())), "x")
    for device, sha256 in (("a", named), ("b", of_another)):
        store.take([make(device=device, clip=clip().model_copy(update={"sha256": sha256}))])
    for days, gone in ((399, False), (401, True)):
        retainer = Retainer(store, forgetting, Retention(), lambda at=days: now_ms() + at * 86_400_000)
        retainer.start()
        retainer.close()
        there = [sounds.path(sha256).exists() for sha256 in (named, unnamed, of_another)]
        assert there == [True, not gone, not gone]
    with store.reading() as connection:
        assert connection.execute(select(clip_moments.c.sha256)).scalars().all() == [named]


def test_an_owners_age_for_sound_is_that_owners_alone(store, forgetting, tmp_path):
    store.take([make(device="a"), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    write(store, "Ann", settings=Settings.model_validate({"retention": {"clip_days": 1}}))
    sounds = Sounds(tmp_path / "sounds")
    for device, sha256 in (("a", "aa" * 32), ("b", "bb" * 32)):
        with sounds.open(device) as file:
            file.write(b"sound")
        clips.keep(store, sounds, clips.Sent(sha256, device, None, 4.2, "audio/flac"), device)
    forget_old(store, forgetting, Retention(clip_days=365), now_ms() + 2 * 86_400_000)
    assert not sounds.path("aa" * 32).exists()
    assert sounds.path("bb" * 32).exists()

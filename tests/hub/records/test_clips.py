"""Which moment a clip is of is kept beside it, in stores that are older too, and moves along with it."""

import json

import pytest
from sqlalchemy import inspect, select

from hub.records import clips
from hub.records.sounds import Sounds
from hub.stores import whole
from hub.stores.store import Store
from hub.stores.tables import clip_moments
from moments import uuid7

SHA = "ab" * 32


@pytest.fixture
def sent(any_store, tmp_path):
    """A clip that was sent as a moment's."""
    sounds = Sounds(tmp_path / "sounds")
    with sounds.open("x") as file:
        file.write(b"sound")
    said = clips.Sent(SHA, "a", None, 4.2, "audio/flac", clips.key_of(uuid7()))
    clips.keep(any_store, sounds, said, "x")
    return said


def pairs(store):
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(clip_moments))]


def test_the_moment_of_a_clip_moves_along_with_it(any_store, sent, tmp_path):
    other = Store(tmp_path / "other.db")
    with any_store.reading() as connection, other.writing() as there:
        for line in whole.lines(connection):
            whole.put(there, json.loads(line))
    assert pairs(other) == [(SHA, "a", sent.moment)]
    other.close()


def test_a_clip_is_of_the_moment_that_it_is_sent_for_whatever_was_imported(store, tmp_path):
    with store.writing() as connection:
        row = {"sha256": SHA, "device": "a", "moment": "A" * 22 + "=="}
        whole.put(connection, {"of": "clip_moments", "row": row})
    sounds = Sounds(tmp_path / "sounds")
    with sounds.open("x") as file:
        file.write(b"sound")
    said = clips.Sent(SHA, "a", None, 4.2, "audio/flac", clips.key_of(uuid7()))
    clips.keep(store, sounds, said, "x")
    assert pairs(store) == [(SHA, "a", said.moment)]


def test_a_store_that_lacks_the_table_of_the_moments_of_clips_gets_it(any_store):
    with any_store.writing() as connection:
        clip_moments.drop(connection)
    any_store._open()
    with any_store.reading() as connection:
        assert inspect(connection).has_table("clip_moments")

"""Of what no moment stands for, erasing takes what is of the time that was meant."""

import json
from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import select

from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting
from hub.records.keep import New
from hub.records.keep import make as make_record
from hub.stores.beside import records
from hub.stores.rows import ms
from hub.stores.store import Letter
from hub.stores.tables import letters
from hub.telling import Telling
from moments import uuid7
from tests.hub.forgetting import filtered
from tests.hub.moments import START, make


def test_what_no_moment_stands_for_goes_by_its_own_time(store, forgetting, sounds):
    store.take([make(device="a")], [Letter(f"moodscape/v1/{device}/moment", "is none", b"x") for device in "aA"])
    for number in (-1, 0, 1):
        given = New(device="a", note=str(number), start=START + timedelta(days=number))
        make_record(store, sounds, given)
    forgetting.matching(filtered(device="a", **{"from": "2026-05-22", "to": "2026-05-23"}))
    with store.reading() as connection:
        assert sorted(connection.execute(select(records.c.note)).scalars()) == ["-1", "1"]
        assert len(connection.execute(select(letters)).all()) == 2, "they came at another time"
    forgetting.matching(filtered(device="a"))
    with store.reading() as connection:
        assert connection.execute(select(records)).all() == []
        assert connection.execute(select(letters.c.topic)).scalars().all() == ["moodscape/v1/A/moment"]


def test_what_tells_the_wearers_offset_is_of_the_wearers_day(any_store, sounds, wire):
    zones = (timezone(timedelta(hours=hours)) for hours in (9, 2))
    starts = [datetime(2026, 5, 22, 23, 30, tzinfo=zone) for zone in zones]
    starts.append(starts[1] - timedelta(hours=24))  # which in Seoul is the 22nd
    told = [json.dumps({"start": start.isoformat()}).encode() for start in starts]
    any_store.take([make(device="a")], [Letter("moodscape/v1/a/moment", "is none", payload) for payload in told])
    for start in starts:
        make_record(any_store, sounds, New(device="a", note=start.isoformat(), start=start))
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", **{"from": "2026-05-22", "to": "2026-05-23"}))
    with any_store.reading() as connection:
        assert connection.execute(select(letters.c.payload)).scalars().all() == told[2:]
        assert connection.execute(select(records.c.note)).scalars().all() == [starts[2].isoformat()]


def test_a_dead_letter_is_of_the_time_that_its_id_tells(any_store, sounds, wire):
    ids = uuid7(ms(START)), uuid7(), "mood"
    dead = [Letter("moodscape/v1/a/moment", "is none", json.dumps({"id": name}).encode()) for name in ids]
    any_store.take([make(device="a")], dead)
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    with any_store.reading() as connection:
        left = connection.execute(select(letters.c.payload).order_by(letters.c.n)).scalars().all()
    assert [json.loads(payload)["id"] for payload in left] == [*ids[1:]]


def test_a_dead_letter_is_of_its_start_whatever_its_id_tells(any_store, sounds, wire):
    then, now = START.isoformat(), datetime.now(UTC).isoformat()
    of_then = [{"id": uuid7(), "start": then}, {"id": uuid7(ms(START)), "start": "in May"}]
    of_then.append({"id": uuid7(ms(START)), "start": now.partition("+")[0]})
    of_now = [{"id": uuid7(ms(START)), "start": now}, {"id": uuid7(), "start": 7}, [then], "start"]
    dead = [Letter("moodscape/v1/a/moment", "is none", json.dumps(body).encode()) for body in [*of_then, *of_now]]
    any_store.take([make(device="a")], dead)
    forgetting = Forgetting(any_store, sounds, Telling(any_store, wire), PlaceDays(any_store))
    forgetting.matching(filtered(device="a", to=(START + timedelta(hours=1)).isoformat()))
    with any_store.reading() as connection:
        left = connection.execute(select(letters.c.payload).order_by(letters.c.n)).scalars().all()
    assert [json.loads(payload) for payload in left] == of_now

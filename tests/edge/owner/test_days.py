"""An order to erase a day reaches what waits of it by its own date, with its sound, and leaves that of other days."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from edge.clock import Clock, Reading
from moments import uuid7
from tests.edge.making import ids, moment
from tests.edge.owner.test_commands import Asked, kept_clip

NEW_YORK, TOKYO = timezone(timedelta(hours=-4)), timezone(timedelta(hours=9))
ARGS = {
    "from": "2026-05-21T00:00:00+09:00",
    "to": "2026-05-22T00:00:00+09:00",
    "days": {"from": "2026-05-21", "to": "2026-05-22"},
    "before": "2026-05-22T12:00:00.000+00:00",
}
"""Of a hub that knows the device in Tokyo alone, where it is since; what waits was heard in New York."""

DAY = datetime(2026, 5, 21, 20, tzinfo=NEW_YORK)
"""Of the day; beyond the instants."""
EVE = datetime(2026, 5, 20, 20, tzinfo=NEW_YORK)
"""Of the day before; within the instants."""


@pytest.fixture
def ask(tmp_path):
    asked = Asked(tmp_path)
    yield asked
    asked.outbox.close()


def waiting(ask):
    return set(ids(ask.outbox.after(0, 99)))


def test_after_a_journey_the_day_goes_and_the_day_before_stays(ask):
    meant, other = moment(start=DAY), moment(start=EVE)
    ask.outbox.put(meant)
    ask.outbox.put(other)
    assert ask("erase", args=ARGS)["erased"] == 1
    assert waiting(ask) == {other.id}


def test_an_order_without_days_goes_by_its_instants_as_before(ask):
    day, eve = moment(start=DAY), moment(start=EVE)
    ask.outbox.put(day)
    ask.outbox.put(eve)
    assert ask("erase", args={name: ARGS[name] for name in ("from", "to")})["erased"] == 1
    assert waiting(ask) == {day.id}


def test_sound_goes_with_the_moments_of_the_day_and_stays_with_those_of_the_day_before(ask):
    day, eve, marked_day, marked_eve = (moment(start=at) for at in (DAY, EVE, DAY, EVE))
    records = [uuid7(), uuid7()]
    clips = [
        kept_clip(ask, 1, kind="ordinary", begin=DAY.timestamp(), moments=[day.id]),
        kept_clip(ask, 2, begin=DAY.timestamp() - 5, record=records[0]),
        kept_clip(ask, 3, kind="ordinary", begin=EVE.timestamp(), moments=[eve.id]),
        kept_clip(ask, 4, begin=EVE.timestamp() - 5, record=records[1]),
    ]
    of_none = kept_clip(ask, 5, begin=EVE.timestamp())
    ask.outbox.put(day.model_copy(update={"clip": clips[0].clip}))
    ask.outbox.put(eve.model_copy(update={"clip": clips[2].clip}))
    for each, record, label in zip((marked_day, marked_eve), records, (clips[1], clips[3]), strict=True):
        ask.outbox.put(each.model_copy(update={"record": record, "clip": label.clip}))
    answer = ask("erase", args=ARGS)
    assert (answer["erased"], answer["clips"]) == (2, 3)
    assert waiting(ask) == {eve.id, marked_eve.id}
    assert {kept.label.sha256 for kept in ask.shelf.all()} == {clips[2].sha256, clips[3].sha256}
    assert of_none.sha256 not in {path.stem for path in ask.shelf.folder.iterdir()}, "nothing tells its date"


def test_sound_of_the_day_before_that_reaches_into_the_day_goes(ask):
    eve = moment(start=datetime(2026, 5, 20, 23, 59, 59, tzinfo=NEW_YORK))
    ask.outbox.put(eve)
    kept_clip(ask, 1, kind="ordinary", begin=eve.start.timestamp() + 0.5, moments=[eve.id])
    answer = ask("erase", args=ARGS)
    assert (answer["erased"], answer["clips"]) == (0, 1)


def test_a_kill_between_the_sound_and_the_moments_leaves_nothing_once_the_order_comes_again(ask, monkeypatch):
    day, eve = moment(start=DAY), moment(start=EVE)
    kept_clip(ask, 1, kind="ordinary", begin=DAY.timestamp(), moments=[day.id])
    kept_clip(ask, 2, kind="ordinary", begin=EVE.timestamp(), moments=[eve.id])
    ask.outbox.put(day)
    ask.outbox.put(eve)

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    for at in ("erase", "erase_between"):
        with monkeypatch.context() as patch:
            patch.setattr(*((ask.shelf, at) if at == "erase" else (ask.outbox, at)), lambda *_, **__: kill())
            if at == "erase":
                patch.setattr(ask.outbox, "erase_between", kill)
            with pytest.raises(Killed):
                ask("erase", args=ARGS)
        assert day.id in waiting(ask), "it tells of which day the sound is"
    assert ask("erase", args=ARGS)["ok"]
    assert waiting(ask) == {eve.id}
    assert [kept.label.moments for kept in ask.shelf.all()] == [[eve.id]]


def test_the_day_is_not_sent_though_the_disk_of_the_clips_refuses(ask, monkeypatch):
    ask.outbox.put(moment(start=DAY))

    def refuses(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(ask.shelf, "erase", refuses)
    assert "Read-only" in ask("erase", args=ARGS)["error"]
    assert waiting(ask) == set()


@pytest.mark.parametrize("zone", [NEW_YORK, TOKYO])
def test_what_is_being_heard_goes_by_the_clock_of_now(ask, monkeypatch, zone):
    now = datetime(2026, 5, 21, 12, tzinfo=zone)
    monkeypatch.setattr(ask.clock, "now", lambda: Reading(now, "synced", 5.0))
    assert ask("erase", args=ARGS | {"before": now.isoformat()})["ok"]
    assert ask.forgotten == [(now.replace(hour=0).timestamp(), now.timestamp())]


def test_a_device_that_does_not_know_the_time_goes_by_the_instants_in_what_it_hears(ask):
    ask.commands = ask.by(Clock(wall=DAY.timestamp, known=lambda: False))
    assert ask("erase", args=ARGS)["ok"]
    assert ask.forgotten == [tuple(datetime.fromisoformat(ARGS[name]).timestamp() for name in ("from", "to"))]


def test_an_order_of_an_older_hub_that_names_no_bound_beside_the_day_ends_at_its_instant(ask):
    first, later = (moment(start=datetime(2026, 5, 21, hour, tzinfo=NEW_YORK)) for hour in (10, 12))
    ask.outbox.put(first)
    ask.outbox.put(later)
    args = {name: ARGS[name] for name in ("from", "days")} | {"to": "2026-05-21T11:00:00-04:00"}
    assert ask("erase", args=args)["erased"] == 1
    assert waiting(ask) == {later.id}


@pytest.mark.parametrize(("days", "left"), [({"from": "2026-05-21"}, {0}), ({"to": "2026-05-21"}, {1, 2})])
def test_one_bound_may_be_a_day_and_the_other_an_instant_or_open(ask, days, left):
    several = [moment(start=datetime(2026, 5, day, 20, tzinfo=NEW_YORK)) for day in (20, 21, 22)]
    for each in several:
        ask.outbox.put(each)
    assert ask("erase", args={name: ARGS[name] for name in days} | {"days": days})["ok"]
    assert waiting(ask) == {several[n].id for n in left}


def test_days_alone_are_never_all(ask):
    free = moment(start=EVE - timedelta(days=9), clock="free")
    ask.outbox.put(free)
    kept_clip(ask, 1, begin=None)
    assert ask("erase", args={"days": ARGS["days"]})["erased"] == 0
    assert len(ask.shelf.all()) == 1


@pytest.mark.parametrize("days", [{"from": "some day"}, "2026-05-21", {"to": []}])
def test_days_that_are_none_are_refused(ask, days):
    ask.outbox.put(moment(start=DAY))
    reply = ask.commands.answer(json.dumps({"id": "1", "do": "erase", "args": ARGS | {"days": days}}).encode())
    assert not reply["ok"]
    assert reply["error"].startswith("args.days")
    assert ask.outbox.depth == 1

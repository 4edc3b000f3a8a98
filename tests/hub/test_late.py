"""What devices sent of a span before they heard that they were to erase it is erased here as well."""

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from edge.owner.commands import What
from hub.api.app import create_app
from hub.explore.place_days import PlaceDays
from hub.forgetting import Forgetting, without_broker
from hub.query.filter import Filter, parse
from hub.query.pages import everything
from hub.records import clips
from hub.records.sounds import Sounds, clip_name
from hub.stores.beside import commands
from hub.stores.rows import ms
from hub.stores.store import Letter, Store, now_ms
from hub.stores.tables import letters as letter_table
from hub.telling import Telling
from moments import uuid7
from tests.hub.conftest import serving
from tests.hub.moments import make
from tests.hub.test_telling import HANGS, LISTENING, THEN, Wire, reply
from tests.parts import wait_until


@pytest.fixture
def wire():
    return Wire()


def sent(store, folder, device, record=None, moment=None):
    """Keep a clip that a device sends; gives where its sound lies."""
    sounds, sha256 = Sounds(folder / "sounds"), uuid.uuid4().hex * 2
    with sounds.open("x") as file:
        file.write(b"sound")
    said = clips.Sent(sha256, device, clips.key_of(record), 4.2, "audio/flac", clips.key_of(moment))
    clips.keep(store, sounds, said, "x")
    return sounds.path(sha256)


def letter(moment=None, device="a"):
    """Give a message that cannot be taken, of a moment that it names."""
    payload = {} if moment is None else {"id": moment}
    return Letter(f"moodscape/v1/{device}/moment", "schema 9 is newer", json.dumps(payload).encode())


def ids(store):
    return {item["id"] for item in everything(store, Filter())}


@pytest.mark.parametrize("query", [{}, {"from": "2024-05-22", "to": "2024-05-23"}, {"to": "2300-01-01"}])
def test_what_a_device_sent_before_it_heard_is_erased_here_as_well(store, wire, tmp_path, query):
    store.take([make(device="a", start=THEN)])
    erased = parse([("device", "a"), *query.items()])[0]
    without_broker(store, Sounds(tmp_path / "sounds")).matching(erased)
    backlog = [make(device="a", start=THEN + timedelta(minutes=n)) for n in range(5)]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    later = make(id=uuid7(ms(tomorrow)), device="a", start=tomorrow)
    others = make(device="b", start=THEN)
    letters = [letter(device=device) for device in ("a", "b")]
    app = create_app(store, send=wire)
    with serving(app):
        telling = app.state.parts.telling
        telling.connected()
        span = wait_until(wire.span)
        store.take([*backlog, later, others], letters)
        sounds = [sent(store, tmp_path, "a", record) for record in (None, uuid7(ms(THEN)))]
        sounds.append(sent(store, tmp_path, "a", moment=uuid7(ms(THEN))))
        kept = [sent(store, tmp_path, "a", uuid7(ms(tomorrow))), sent(store, tmp_path, "b")]
        kept.append(sent(store, tmp_path, "a", moment=later.id))
        telling.reported(reply(span, ok=False, error=HANGS))
        assert len(ids(store)) == 7
        assert all(path.exists() for path in sounds)
        wire.take()
        telling.reported(LISTENING)
        span = wait_until(wire.span)
        telling.reported(reply(span, ok=True))
    assert ids(store) == {later.id, others.id}
    assert [path for path in sounds if path.exists()] == []
    assert all(path.exists() for path in kept)
    with store.reading() as connection:
        assert connection.execute(select(letter_table.c.topic)).scalars().all() == ["moodscape/v1/b/moment"]


def test_a_time_that_was_not_named_keeps_what_comes_of_it(store, wire, tmp_path):
    store.take([make(device="a", start=THEN)])
    erased = parse([("device", "a"), ("from", "2024-05-22"), ("to", "2024-05-23")])[0]
    without_broker(store, Sounds(tmp_path / "sounds")).matching(erased)
    before, after = (make(device="a", start=THEN + timedelta(days=n)) for n in (-1, 1))
    app = create_app(store, send=wire)
    with serving(app):
        telling = app.state.parts.telling
        telling.connected()
        span = wait_until(wire.span)
        store.take([before, after])
        telling.reported(reply(span, ok=True))
    assert ids(store) == {before.id, after.id}


BERLIN, PARIS, SEOUL = (ZoneInfo(name) for name in ("Europe/Berlin", "Europe/Paris", "Asia/Seoul"))


def heard(at, zone):
    """A moment at a wall clock's time, as a device sends it: with the zone's offset then."""
    there = datetime.fromisoformat(at).replace(tzinfo=zone)
    return make(device="a", start=there.replace(tzinfo=timezone(there.utcoffset())))


@pytest.fixture
def answered(store, wire, tmp_path):
    """Erases a day; the device answers after these moments came. Gives what it was told."""

    def erase(day, *meanwhile):
        telling = Telling(store, wire)
        forgetting = Forgetting(store, Sounds(tmp_path / "sounds"), telling, PlaceDays(store))
        telling.on_span_erased.append(forgetting.erase_late)
        forgetting.matching(parse([("from", str(day)), ("to", str(day + timedelta(days=1)))])[0])
        store.take(meanwhile)
        order = wire.span()
        telling.reported(reply(order, ok=True))
        telling.start()
        telling.close()
        return order["args"]

    return erase


@pytest.mark.parametrize(
    ("zone", "day", "last_zone", "last", "offset"),
    [
        pytest.param(BERLIN, date(2025, 7, 10), BERLIN, date(2025, 12, 1), "+02:00", id="summer-in-winter"),
        pytest.param(BERLIN, date(2025, 12, 10), BERLIN, date(2026, 7, 1), "+01:00", id="winter-in-summer"),
        pytest.param(SEOUL, date(2026, 5, 22), PARIS, date(2026, 6, 1), "+09:00", id="after-a-journey"),
    ],
)
def test_a_day_is_the_wearers_wherever_the_device_was_since(store, answered, zone, day, last_zone, last, offset):
    noon = datetime.combine(day, time(12))
    around = [noon + timedelta(minutes=30 * n) for n in range(-48, 48)]
    there = {at: heard(at.isoformat(), zone) for at in around}
    store.take([*there.values(), since := heard(f"{last}T12", last_zone)])
    told = answered(day)
    assert ids(store) == {since.id, *(moment.id for at, moment in there.items() if at.date() != day)}
    assert told["from"] == f"{day}T00:00:00{offset}"
    assert told["to"] == f"{day + timedelta(days=1)}T00:00:00{offset}"


def test_the_day_on_which_clocks_change_begins_and_ends_by_the_clock_of_then(store, answered):
    store.take([heard(f"2025-10-26T{hour}", BERLIN) for hour in ("01", "23")])
    told = answered(date(2025, 10, 26))
    assert told["from"] == "2025-10-26T00:00:00+02:00"
    assert told["to"] == "2025-10-27T00:00:00+01:00"


def test_what_waited_on_a_journey_is_erased_by_the_clock_that_it_was_heard_by(store, answered):
    store.take([heard("2026-05-31T12", SEOUL)])
    meant = [heard(f"2026-06-01T{hour}", PARIS) for hour in ("00", "16", "23")]
    others = [heard(at, PARIS) for at in ("2026-05-31T23", "2026-06-02T00")]
    told = answered(date(2026, 6, 1), *meant, *others)
    assert {moment.id for moment in others} < ids(store)
    assert not ids(store) & {moment.id for moment in meant}
    assert told["days"] == {"from": "2026-06-01", "to": "2026-06-02"}


LINE = [timezone(timedelta(hours=hours)) for hours in (14, -10)]
"""On both sides of the date line: of a journey eastwards the same day is lived twice."""


@pytest.mark.parametrize("zones", [(PARIS, SEOUL), (SEOUL, PARIS), LINE, LINE[::-1]])
def test_on_a_journey_a_device_is_told_no_more_than_what_is_of_the_day_before_and_after_it(store, answered, zones):
    there, back = zones
    day = date(2026, 5, 22)
    store.take([heard(f"2026-05-2{n}T12", there) for n in (0, 1)] + [heard(f"2026-05-2{n}T12", back) for n in (2, 3)])
    told = answered(day)
    begin, end = (datetime.fromisoformat(told[name]) for name in ("from", "to"))
    assert begin == max(datetime.combine(day, time(), zone) for zone in zones)
    assert end == datetime.combine(day + timedelta(days=1), time(), back)


def test_a_device_of_which_nothing_is_known_is_told_no_more_than_what_is_of_that_day_everywhere(store, wire):
    store.describe_device("a", name=None, owner=None)
    forgetting = Forgetting(store, None, Telling(store, wire), PlaceDays(store))
    forgetting._tell([], forgetting._spans(parse([("from", "2026-05-01"), ("to", "2026-05-08")])[0]))
    args = wire.span()["args"]
    assert (args["from"], args["to"]) == ("2026-05-01T00:00:00-12:00", "2026-05-08T00:00:00+14:00")


def test_what_a_device_kept_of_a_day_beyond_what_it_was_told_is_erased_when_it_comes_after_its_reply(
    store, wire, tmp_path, monkeypatch
):
    monkeypatch.setattr("hub.telling._LOOK_S", 0.05)
    monkeypatch.setattr("hub.telling._SENT_S", 1.0)
    store.take([heard("2026-06-01T12", SEOUL)])
    telling = Telling(store, wire)
    forgetting = Forgetting(store, Sounds(tmp_path / "sounds"), telling, PlaceDays(store))
    telling.on_span_erased.append(forgetting.erase_late)
    telling.start()
    try:
        forgetting.matching(parse([("from", "2026-06-01"), ("to", "2026-06-02")])[0])
        telling.reported(reply(wire.span(), ok=True))
        beyond, others = heard("2026-06-01T18", PARIS), heard("2026-06-02T00", PARIS)
        wait_until(lambda: telling._late)
        store.take([beyond, others])
        wait_until(lambda: ids(store) == {others.id})
        wait_until(lambda: "late" not in replied(store))
    finally:
        telling.close()


def test_each_devices_answer_has_that_devices_day_erased_and_not_anew_those_of_all_that_answered_before(store, wire):
    names = [f"device-{n}" for n in range(5)]
    telling = Telling(store, wire)
    erased = []
    telling.on_span_erased.append(lambda device, *_: erased.append(device))
    for name in names:
        telling.erase(name, {"days": {"from": "2026-06-01"}, "from": "2026-06-01T00:00:00+09:00"})
    for name, order in zip(wire.devices, wire.orders, strict=True):
        telling.reported(reply(order, ok=True, device=name))
    telling.start()
    telling.close()
    assert sorted(erased) == names


@pytest.mark.parametrize("zones", [(PARIS, SEOUL), (SEOUL, PARIS), LINE, LINE[::-1]])
def test_on_a_journey_a_device_understands_which_of_what_waits_is_of_the_day(store, answered, zones):
    store.take([heard(f"2026-05-{n}T12", zones[0]) for n in (20, 21)])
    span = What.model_validate(answered(date(2026, 5, 22))).span()
    for zone in zones:
        at = datetime(2026, 5, 21, 12, tzinfo=timezone(heard("2026-05-22T12", zone).start.utcoffset()))
        for _ in range(48):
            assert span.holds(at.timestamp(), at.utcoffset()) is (at.date() == date(2026, 5, 22))
            at += timedelta(hours=1)


def test_what_a_device_hears_of_the_day_after_the_order_was_given_is_not_meant(store, answered):
    there = timezone(timedelta(hours=-12))
    now = datetime.now(there)
    store.take([make(device="a", start=now - timedelta(hours=1))])
    span = What.model_validate(answered(now.date())).span()
    meant = max(now.replace(hour=0, minute=0, second=0, microsecond=0), now - timedelta(minutes=1))
    assert span.holds(meant.timestamp(), meant.utcoffset())
    for zone in (there, timezone(timedelta(hours=-14))):
        later = (now + timedelta(minutes=1)).astimezone(zone)
        assert not span.holds(later.timestamp(), later.utcoffset())


def test_an_order_of_instants_names_no_days(store, wire):
    store.describe_device("a", name=None, owner=None)
    forgetting = Forgetting(store, None, Telling(store, wire), PlaceDays(store))
    forgetting._tell(
        [], forgetting._spans(parse([("from", "2026-05-01T00:00:00Z"), ("to", "2026-05-08T00:00:00Z")])[0])
    )
    assert set(wire.span()["args"]) == {"from", "to"}


def test_an_order_of_an_older_hub_that_names_no_days_is_of_its_instants(store, tmp_path):
    moments = [make(device="a", start=THEN + timedelta(hours=hours)) for hours in (0, 24)]
    store.take(moments)
    told = {"from": "2024-05-22T00:00:00+00:00", "to": "2024-05-23T00:00:00+00:00"}
    assert without_broker(store, Sounds(tmp_path / "sounds")).erase_late("a", told, now_ms()) == 1
    assert ids(store) == {moments[1].id}


def test_what_tells_its_time_is_erased_by_that_and_not_by_when_it_came(any_store, tmp_path):
    now, then = uuid7(), uuid7(ms(THEN))
    sounds = [sent(any_store, tmp_path, "a", moment=moment) for moment in (now, then)]
    any_store.take([], [letter(now), letter(then)])
    part = clip_name("ab" * 32, "a")
    with Sounds(tmp_path / "sounds").open(part) as file:
        file.write(b"half of a mark of now")
    forgetting = without_broker(any_store, Sounds(tmp_path / "sounds"))
    eight_hours_ago_ms = now_ms() - 8 * 3_600_000
    forgetting.erase_late("a", {"from": "2024-05-22T00:00:00Z", "to": "2024-05-23T00:00:00Z"}, eight_hours_ago_ms)
    assert [path.exists() for path in sounds] == [True, False]
    with any_store.reading() as connection:
        assert connection.execute(select(letter_table.c.payload)).scalars().all() == [letter(now).payload]
    assert Sounds(tmp_path / "sounds").size(part) > 0


def test_a_hub_that_ends_before_it_erased_that_does_it_at_its_next_connection(store, wire):
    ended = Telling(store, wire)
    ended.erase("a", {})
    (order,) = wire.take()
    store.take([make(device="a", start=THEN)])
    ended.reported(reply(order, ok=True))
    app = create_app(store, send=wire)
    with serving(app):
        app.state.parts.telling.connected()
    assert ids(store) == set()
    assert all("ids" in order["args"] for order in wire.take())


def test_what_the_hubs_end_leaves_of_that_is_erased_by_the_next(store, wire, tmp_path, monkeypatch, caplog):
    def hub():
        telling = Telling(store, wire)
        forgetting = Forgetting(store, Sounds(tmp_path / "sounds"), telling, PlaceDays(store))
        telling.on_span_erased.append(forgetting.erase_late)
        telling.start()
        return telling

    monkeypatch.setattr("hub.stores.erasing._STRETCH", 1)
    store.take([make(device="a", start=THEN) for _ in range(3)])
    telling = hub()
    telling.erase("a", {})
    (order,) = wire.take()
    store.interrupt()
    telling.reported(reply(order, ok=True))
    telling.close()
    monkeypatch.setattr(store, "_ending", False)
    assert len(ids(store)) == 2
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    telling = hub()
    telling.connected()
    telling.close()
    assert ids(store) == set()


@pytest.mark.needs("initdb")
def test_what_another_hub_had_in_hand_when_the_device_answered_is_erased_too(postgres, wire, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.telling._LOOK_S", 0.05)
    monkeypatch.setattr("hub.telling._SETTLED_S", 2.0)
    url = postgres.new()
    here, other = Store(url), Store(url)
    telling = Telling(here, wire)
    forgetting = Forgetting(here, Sounds(tmp_path / "sounds"), telling, PlaceDays(here))
    telling.on_span_erased.append(forgetting.erase_late)
    telling.start()
    try:
        in_hand = [make(device="a", start=THEN) for _ in range(2)]
        other.take(in_hand[:1])
        telling.erase("a", {})
        telling.reported(reply(wire.span(), ok=True))
        wait_until(lambda: not ids(here))
        other.take(in_hand[1:])
        wait_until(lambda: not ids(here))
        wait_until(lambda: "late" not in replied(here))
    finally:
        telling.close()
        here.close()
        other.close()


def replied(store):
    """Give the only reply that there is."""
    with store.reading() as connection:
        return connection.execute(select(commands.c.reply).where(commands.c.reply.is_not(None))).scalar_one()

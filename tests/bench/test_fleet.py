"""The simulated fleet: its wire, its verdict, and a small one among real parts."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fleet import killing, verdict, wave, wire
from bench.fleet.device import Stored
from bench.fleet.life import Life, Script
from bench.fleet.verdict import Outage
from moments import Moment
from tests.hub.moments import make


@pytest.fixture
def script():
    first = make()
    return Script(((1.0, first), (1.5, make(continues=first.id)), (2.0, make(basis="scene"))), 2.5)


@given(st.lists(st.tuples(st.text("ab/", min_size=1), st.binary(max_size=300)), max_size=5), st.data())
def test_packets_come_out_whole_however_they_are_cut(said, data):
    whole = b"".join(wire.publish(topic, payload, n + 1) for n, (topic, payload) in enumerate(said))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    buffer, found = bytearray(), []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        buffer += whole[begin:end]
        found += [wire.published(first, body) for first, body in wire.packets(buffer)]
    assert found == [(topic, n + 1, payload) for n, (topic, payload) in enumerate(said)]
    assert not buffer


def test_a_device_lives_the_script_from_its_own_place_and_makes_valid_moments_of_its_own(script):
    life = Life("fleet-7", script, random.Random(5))
    living = life.begin(100.0)
    due = [next(living) for _ in range(7)]
    times = [at for at, _ in due]
    assert times == sorted(times)
    assert times[0] >= 100.0
    assert times[3] - times[0] == pytest.approx(script.seconds)
    made = [life.live(moment, datetime.now(UTC)) for _, moment in due]
    assert [Moment.from_json(moment.to_json()) for moment in made] == made
    assert len({moment.id for moment in made}) == 7
    links = {after.continues: before.id for before, after in pairwise(made) if after.continues}
    assert links
    assert all(linked == before for linked, before in links.items())


def stored(first_sent, after):
    return Stored(device=0, made=first_sent, first_sent=first_sent, stored=first_sent + after, tries=1)


def test_a_moment_counts_as_late_unless_an_outage_touched_the_second_after_it_was_published():
    outage = Outage("worker", 100.0, 110.0)
    each = [stored(98.0, 20.0), stored(99.5, 12.0), stored(105.0, 6.0), stored(110.5, 0.2)]
    assert verdict.outside(each, [outage]).tolist() == pytest.approx([20.0, 0.2])
    assert verdict.outside(each, [replace(outage, begin=0.0)]).tolist() == pytest.approx([0.2])


@pytest.mark.needs("mosquitto", "initdb")
def test_a_small_fleet_comes_back_and_postgresql_holds_what_it_made(tmp_path, script, monkeypatch):
    monkeypatch.setattr(wave, "_QUIET_S", 0.5)
    found = wave.figures(tmp_path, script, devices=5, workers=1, each=3)
    assert found["wave: moments"].value == 15
    assert all(figure.holds is not False for figure in found.values()), found


@pytest.mark.needs("mosquitto", "initdb")
def test_a_small_fleet_loses_nothing_while_hubs_and_broker_are_killed(tmp_path, script, monkeypatch):
    monkeypatch.setattr(killing, "_SPREAD_S", 0.5)
    monkeypatch.setattr(killing, "_BETWEEN_S", (2.0, 3.0))
    monkeypatch.setattr(killing, "_DEAD_S", (0.1, 0.3))
    monkeypatch.setattr(killing, "_CATCH_UP_S", 0.1)
    monkeypatch.setattr(killing, "_BROKER_SHARE", 0.5)
    found = killing.figures(tmp_path, script, devices=6, workers=2, seconds=6)
    assert found["killed: workers killed"].value + found["killed: broker killed"].value > 0
    assert found["killed: moments"].value > 15
    for name in ("lost", "double", "called stored but not there", "never answered", "faults of the integrity check"):
        assert found[f"killed: {name}"].value == 0, name

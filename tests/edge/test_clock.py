import time
from datetime import UTC, datetime, timedelta

import pytest

from edge import clock as clocks
from edge.clock import Clock, SatelliteTime

WRONG = 1_000_000.0  # 1970, as a machine without a battery clock believes
RIGHT = datetime(2026, 5, 22, 9, 0, 0, tzinfo=UTC).timestamp()


class Machine:
    """A machine whose clocks the test moves."""

    def __init__(self):
        self.mono, self.boot, self.wall, self.known, self.fix = 10.0, 12.0, WRONG, False, None
        self.clock = Clock(
            wall=lambda: self.wall,
            monotonic=lambda: self.mono,
            since_boot=lambda: self.boot,
            known=lambda: self.known,
            satellites=lambda: self.fix,
        )

    def run(self, seconds):
        self.mono += seconds
        self.boot += seconds
        self.wall += seconds
        return self.clock.look()

    def suspend(self, seconds):
        self.boot += seconds
        self.wall += seconds


def unix(reading):
    return reading.start.timestamp()


def test_the_time_is_free_until_it_is_known():
    machine = Machine()
    assert machine.clock.at(10.0).clock == "free"
    machine.known = True
    assert machine.run(1) == "synced"


def test_what_was_heard_before_the_clock_was_set_gets_the_right_time_afterwards():
    machine = Machine()
    heard = machine.mono
    machine.run(60)
    machine.wall, machine.known = RIGHT, True
    machine.clock.look()
    assert unix(machine.clock.at(heard)) == pytest.approx(RIGHT - 60, abs=1e-3)


def test_what_was_heard_before_a_suspend_keeps_its_time():
    machine = Machine()
    machine.wall, machine.known = RIGHT, True
    machine.run(5)
    heard = machine.mono
    machine.run(5)
    before_s = machine.clock.slept_s
    machine.suspend(3600)
    machine.run(5)
    assert unix(machine.clock.at(heard)) == pytest.approx(RIGHT + 5, abs=1e-3)
    assert unix(machine.clock.at(machine.mono)) == pytest.approx(RIGHT + 15 + 3600, abs=1e-3)
    assert machine.clock.slept_s - before_s == pytest.approx(3600)


def awoken():
    """A machine that has just slept an hour, and the monotonic time at which it woke."""
    machine = Machine()
    machine.wall, machine.known = RIGHT, True
    machine.run(5)
    machine.suspend(3600)
    woke = machine.mono
    return machine, woke


def test_what_is_heard_right_after_a_suspend_has_its_time_before_anybody_looks():
    machine, woke = awoken()
    machine.mono, machine.boot, machine.wall = (each + 0.3 for each in (machine.mono, machine.boot, machine.wall))
    machine.clock.woke(woke + 0.2)
    assert unix(machine.clock.at(woke + 0.2)) == pytest.approx(RIGHT + 3605.2, abs=1e-3)
    assert unix(machine.clock.at(woke - 1)) == pytest.approx(RIGHT + 4, abs=1e-3)
    machine.run(0.5)
    assert unix(machine.clock.at(woke + 0.2)) == pytest.approx(RIGHT + 3605.2, abs=1e-3)


def test_what_is_heard_right_after_a_suspend_has_its_time_though_a_look_came_between():
    machine, woke = awoken()
    machine.run(0.3)
    machine.clock.woke(woke + 0.2)
    assert unix(machine.clock.at(woke + 0.2)) == pytest.approx(RIGHT + 3605.2, abs=1e-3)
    assert unix(machine.clock.at(woke - 1)) == pytest.approx(RIGHT + 4, abs=1e-3)
    machine.suspend(60)
    machine.run(0.1)
    machine.clock.woke(woke - 50)
    assert unix(machine.clock.at(woke - 1)) == pytest.approx(RIGHT + 4, abs=1e-3), "sleeps stay in their order"


def test_a_step_of_the_clock_moves_what_comes_after_and_before_alike():
    machine = Machine()
    machine.wall, machine.known = RIGHT + 500, True
    machine.run(10)
    machine.wall -= 500
    assert unix(machine.clock.at(machine.mono - 10)) == pytest.approx(RIGHT, abs=1e-3)


def test_satellites_tell_the_time_when_nothing_else_does():
    machine = Machine()
    machine.fix = SatelliteTime(unix=RIGHT, at=machine.mono)
    assert machine.run(3) == "gps"
    assert unix(machine.clock.now()) == pytest.approx(RIGHT + 3, abs=1e-3)
    machine.fix = None
    assert machine.run(100) == "gps"
    assert unix(machine.clock.now()) == pytest.approx(RIGHT + 103, abs=1e-3)


def test_ntp_is_believed_before_satellites_and_stays_believed():
    machine = Machine()
    machine.fix = SatelliteTime(unix=RIGHT - 999, at=machine.mono)
    machine.known, machine.wall = True, RIGHT
    assert machine.run(1) == "synced"
    machine.known = False
    assert machine.run(1) == "synced"
    assert unix(machine.clock.now()) == pytest.approx(RIGHT + 2, abs=1e-3)


def test_a_receiver_whose_week_number_rolled_over_is_not_believed():
    machine = Machine()
    machine.fix = SatelliteTime(unix=RIGHT - 1024 * 7 * 86_400, at=machine.mono)
    assert machine.run(1) == "free"


def test_drift_between_the_clocks_is_followed():
    machine = Machine()
    machine.wall, machine.known = RIGHT, True
    for _ in range(1000):
        machine.run(10)
        machine.wall += 0.001  # NTP slews by 100 parts in a million
    assert unix(machine.clock.at(machine.mono)) == pytest.approx(machine.wall, abs=1e-3)


@pytest.fixture
def seoul_and_berlin(monkeypatch):
    def go(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield go
    monkeypatch.undo()
    time.tzset()


def test_the_offset_is_that_of_the_place_and_the_day(seoul_and_berlin):
    machine = Machine()
    machine.wall, machine.known = RIGHT, True
    machine.clock.look()
    seoul_and_berlin("Asia/Seoul")
    assert machine.clock.now().start.utcoffset() == timedelta(hours=9)
    seoul_and_berlin("Europe/Berlin")
    assert machine.clock.now().start.utcoffset() == timedelta(hours=2)
    machine.wall = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC).timestamp()  # a second before summer time ends
    assert machine.clock.now().start.utcoffset() == timedelta(hours=2)
    machine.wall += 2
    assert machine.clock.now().start.utcoffset() == timedelta(hours=1)


def test_a_battery_clock_is_believed_only_when_it_agrees(tmp_path, monkeypatch):
    battery = tmp_path / "since_epoch"
    monkeypatch.setattr(clocks, "_BATTERY_CLOCK", battery)
    assert not clocks._battery_clock_agrees()
    battery.write_text(f"{int(time.time())}\n")
    assert clocks._battery_clock_agrees()
    battery.write_text(f"{int(time.time()) - 600}\n")
    assert not clocks._battery_clock_agrees()


def test_the_real_machine_answers():
    clock = Clock()
    now = clock.at(time.monotonic())
    assert abs(now.start.timestamp() - time.time()) < 0.5
    assert clock.boot == clocks.boot_id()
    assert clocks._ntp_has_set_it() in (True, False)

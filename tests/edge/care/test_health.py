import json
import time

from edge.care import health
from edge.care.health import Machine


def test_the_machine_tells_what_it_can_and_null_for_what_it_cannot(tmp_path, monkeypatch):
    monkeypatch.setattr(health, "_POWER", tmp_path)
    monkeypatch.setattr(health, "_THERMAL", tmp_path / "temp")
    told = Machine().look(tmp_path)
    assert set(told) == {"cpu_percent", "memory_mb", "disk_free_mb", "temperature_c", "battery_percent"}
    assert told["memory_mb"] > 5
    assert told["disk_free_mb"] >= 0
    assert told["temperature_c"] is None
    assert told["battery_percent"] is None
    json.dumps(told, allow_nan=False)


def test_temperature_and_battery_come_from_the_kernel(tmp_path, monkeypatch):
    (tmp_path / "temp").write_text("48312\n")
    (tmp_path / "BAT0").mkdir()
    (tmp_path / "BAT0" / "capacity").write_text("81\n")
    monkeypatch.setattr(health, "_POWER", tmp_path)
    monkeypatch.setattr(health, "_THERMAL", tmp_path / "temp")
    told = Machine().look(tmp_path)
    assert (told["temperature_c"], told["battery_percent"]) == (48.3, 81.0)


def test_the_share_of_a_core_is_since_the_last_look(tmp_path):
    machine = Machine()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    busy = machine.look(tmp_path)["cpu_percent"]
    time.sleep(0.3)
    assert busy > machine.look(tmp_path)["cpu_percent"]


def test_a_folder_that_is_gone_is_null(tmp_path):
    assert Machine().look(tmp_path / "gone")["disk_free_mb"] is None

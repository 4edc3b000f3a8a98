import subprocess
import sys

import pytest

from moodscape.cli import main


def run(*args):
    return main(["edge", *args])


def test_a_wrong_setting_ends_with_two_and_one_sentence(capsys):
    assert run("run", "--set", "broker.prot=1") == 2
    said = capsys.readouterr().err
    assert said.startswith("moodscape: ")
    assert said.endswith("broker.prot is not a setting; did you mean broker.port?\n")
    assert said.count("\n") == 1


def test_a_missing_file_of_settings_ends_with_two(capsys, tmp_path):
    assert run("check", "--config", str(tmp_path / "none.yaml")) == 2
    assert "none.yaml: cannot be read" in capsys.readouterr().err


def test_a_mark_without_a_device_ends_with_one(capsys, tmp_path):
    assert run("mark", "--set", f"outbox.path={tmp_path / 'outbox.sqlite'}") == 1
    assert "start it with `moodscape edge run`" in capsys.readouterr().err


def test_an_unknown_verb_ends_with_two():
    with pytest.raises(SystemExit) as left:
        run("fly")
    assert left.value.code == 2


def test_naming_the_verbs_imports_neither_models_nor_network():
    code = """
import sys
import edge.cli
print([name for name in ("numpy", "paho", "pydantic", "gpsd", "yaml") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_daemon_imports_nothing_of_the_hub_or_the_training():
    code = """
import sys
import edge.daemon, edge.care.check
heavy = ("hub", "training", "fastapi", "sqlalchemy", "torch", "scipy", "soundfile", "pyaudio")
heavy += ("cryptography", "gpiozero")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

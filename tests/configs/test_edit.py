"""Settings that are changed by a program, in a file that a person wrote."""

import copy
import errno
import os

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configs import shipped
from configs.edit import main, with_values

NEW = {"device": "pocket-1", "broker.host": "hub.local", "broker.tls": True, "broker.port": 8883, "clips.hub": "a: # b"}


def merged(values, new):
    values = copy.deepcopy(values) or {}
    for key, value in new.items():
        section, _, name = key.rpartition(".")
        if section:
            values[section] = dict(values.get(section) or {})
        (values[section] if section else values)[name] = value
    return values


def test_in_the_file_that_ships_only_the_lines_that_are_set_change():
    before = shipped("edge.yaml").read_text()
    after = with_values(before, NEW)
    assert yaml.safe_load(after) == merged(yaml.safe_load(before), NEW)
    old, new = before.splitlines(), after.splitlines()
    assert [line for line in new if line not in old] == [
        "device: pocket-1",
        "  host: hub.local",
        "  port: 8883              # 8883 is usual with tls",
        "  tls: true",
        "  hub: 'a: # b'               # https://hub.local:8443, which fetches them; null: they stay here",
    ]
    assert len(new) == len(old) + 1


def test_what_was_set_is_set_again_in_its_place():
    once = with_values(shipped("edge.yaml").read_text(), NEW)
    assert with_values(once, NEW) == once


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "broker: {host: a, port: 1}\n",
        "broker:\n    host: 'it''s'   # mine\n    # more\n\nclips:\n  hub: null\n",
        'broker:\n  host: "a # b" # c\ndevice: x',
        "broker:\n  host: >\n    long\n    name\n",
        "broker: &b\n  host: a\nclips: {}\n",
        "broker: null\nclips:\n",
    ],
)
def test_however_it_is_written_the_values_are_set_and_the_others_kept(text):
    assert yaml.safe_load(with_values(text, NEW)) == merged(yaml.safe_load(text), NEW)


words = st.sampled_from(["host", "port", "hub", "device", "a b", "#", "null", "x: y", "'", '"', "é", "- a", ""])
sections = st.dictionaries(st.sampled_from(["host", "port", "tls", "hub"]), words | st.integers() | st.none())
files = st.dictionaries(st.sampled_from(["broker", "clips", "gps"]), sections | st.none())


@given(files, st.sampled_from([None, False, True]), st.dictionaries(st.sampled_from(list(NEW)), words | st.booleans()))
def test_any_file_says_afterwards_what_it_said_and_what_was_set(values, flow, new):
    text = yaml.safe_dump(values, default_flow_style=flow, allow_unicode=True)
    assert yaml.safe_load(with_values(text, new)) == merged(values, new)


def test_the_installer_sets_values_by_command(tmp_path):
    path = tmp_path / "hub.yaml"
    path.write_text("http:\n  port: 8080  # where\n")
    main([str(path), "http.port=8443", "http.open_on_loopback=false"])
    assert path.read_text() == "http:\n  open_on_loopback: false\n  port: 8443  # where\n"


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "hub.yaml"
    path.write_text("broker:\n  tls: true\n  user: hub\n  host: null\n")
    return path


@pytest.mark.parametrize(
    ("key", "value"),
    [("broker.user", "hub"), ("broker.tls", "True"), ("broker.host", ""), ("http.port", ""), ("a", "")],
)
def test_the_installer_asks_for_a_value_by_command(settings, capsys, key, value):
    before = settings.read_text()
    main([str(settings), key])
    assert capsys.readouterr().out == f"{value}\n"
    assert settings.read_text() == before


def test_a_file_that_is_edited_stays_its_owners_and_where_it_is(settings):
    settings.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(settings, 54_321, 54_322)
    link = settings.with_name("link.yaml")
    link.symlink_to(settings.name)
    before = settings.stat()
    main([str(link), "broker.user=box"])
    after = settings.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert "user: box\n" in settings.read_text()
    assert link.is_symlink()


def test_where_writing_is_cut_off_the_file_is_as_it_was(settings, monkeypatch):
    before = settings.read_text()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemExit, match="2"):
        main([str(settings), "broker.user=box"])
    assert settings.read_text() == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("broker: {host: a\n", "is not YAML"),
        ("broker: 1\n", "broker holds no settings"),
        ("broker: " + "[" * 10_000, "more than 50 lists and mappings stand in each other"),
    ],
)
def test_a_file_that_cannot_be_edited_is_named_and_kept(tmp_path, capsys, text, why):
    path = tmp_path / "hub.yaml"
    path.write_text(text)
    with pytest.raises(SystemExit, match="2"):
        main([str(path), "broker.user=box"])
    assert capsys.readouterr().err.startswith(f"moodscape: {path}: {why}")
    assert path.read_text() == text
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "none.yaml"), "broker.user"])
    assert "none.yaml cannot be edited: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("[", "is not YAML"),
        ("!!python/x 1", "is not YAML"),
        ("!!bool x", "a bool that is none"),
        ("2026-13-45", "month must be in 1..12"),
        ("[" * 10_000, "more than 50 lists and mappings stand in each other"),
    ],
)
def test_a_value_that_is_none_is_told_with_its_key_and_the_file_is_kept(settings, capsys, value, why):
    before = settings.read_text()
    with pytest.raises(SystemExit, match="2"):
        main([str(settings), f"broker.user={value}"])
    assert capsys.readouterr().err.startswith(f"moodscape: {settings}: broker.user: {why}")
    assert settings.read_text() == before


def test_a_value_is_read_as_on_the_command_line(settings):
    main([str(settings), "broker.user=a: b # c", "broker.port=1884"])
    written = yaml.safe_load(settings.read_text())["broker"]
    assert (written["user"], written["port"]) == ("a: b # c", 1884)


def test_a_section_that_stands_twice_is_not_thrown_away():
    with pytest.raises(ValueError, match="broker stands twice"):
        with_values("broker: {host: a}\nbroker: {port: 1}\n", NEW)


def test_a_section_on_one_line_is_written_in_lines_and_the_rest_stays():
    text = "# mine\nbroker: {host: a, port: 1}  # short\nclips: null\ngps: {}\n"
    written = with_values(text, {"broker.host": "b", "clips.hub": "c"})
    assert written == "# mine\nbroker:\n  host: b\n  port: 1\nclips:\n  hub: c\ngps: {}\n"

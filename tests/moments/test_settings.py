"""Settings that a person wrote, and what the command line says instead."""

from pathlib import Path

import pytest

from moments.errors import UserError
from moments.settings import data_folder, mapping, override


def written(tmp_path, text):
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_null_in_a_file_is_not_said(tmp_path):
    assert mapping(written(tmp_path, "")) == {}
    assert mapping(written(tmp_path, "a:\nb: {c: null, d: ü}")) == {"b": {"c": None, "d": "ü"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", ": is not YAML: "),
        ("- 1", ": must hold settings as `key: value`"),
        ("1: a", ": must hold settings as `key: value`"),
        ("a: 1\nb: 2\na: 3", " line 3: a stands twice; put both into one"),
        ("a: 1\nb: " + "[" * 10_000, " line 2: more than 50 lists and mappings stand in each other; "),
        ("a: 1\nb: &b [*b]", " line 2: with what aliases bring in again "),
        ("a: 1\nb: !!timestamp x", " line 2: a timestamp that is none; "),
        (None, ": cannot be read: No such file or directory; give another file with --config"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(tmp_path, text, says):
    path = tmp_path / "any.yaml" if text is None else written(tmp_path, text)
    with pytest.raises(UserError) as error:
        mapping(path)
    assert str(error.value).startswith(f"{path}{says}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("there", [{}, {"a": None}, {"a": {"b": None}}, {"a": {"b": {"c": 1}}}])
def test_an_override_is_set_below_sections_that_are_left_out_or_null(there):
    override(there, "a.b.c=/x #1: y")
    override(there, "d={e: 2}")
    assert there == {"a": {"b": {"c": "/x #1: y"}}, "d": {"e": 2}}


def test_an_override_of_one_section_leaves_another_alone_that_was_written_as_the_same(tmp_path):
    values = mapping(written(tmp_path, "a: &both {x: 1}\nb: *both"))
    override(values, "b.x=2")
    assert values == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("a.b", "write --set key.path=value"),
        ("=1", "write --set key.path=value"),
        ("a.b.c=1", "b holds no settings"),
        ("a.b=[", "the value is not YAML: "),
        ("a={c: 1, c: 2}", "c stands twice; put both into one"),
        ("a=" + "[" * 10_000, "more than 50 lists and mappings stand in each other; "),
        ("a=!!bool x", "a bool that is none; "),
    ],
)
def test_an_override_that_cannot_be_is_refused_as_it_was_said(said, says):
    with pytest.raises(UserError) as error:
        override({"a": {"b": 0}}, said)
    assert str(error.value).startswith(f"--set {said}: {says}")
    assert "\n" not in str(error.value)


def test_state_lies_in_the_xdg_data_folder_and_in_no_relative_one(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert data_folder() == Path("/somewhere/moodscape")
    for none in ("", "relative"):  # to be ignored, says the XDG specification
        monkeypatch.setenv("XDG_DATA_HOME", none)
        assert data_folder() == Path.home() / ".local/share/moodscape"

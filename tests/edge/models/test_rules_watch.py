"""A running device takes up a changed file of rules, and keeps the last valid ones when the change is wrong."""

import logging
import os
from pathlib import Path

import pytest

from edge.models.rules import Rules
from edge.models.rules_watch import WatchedRules

SHIPPED = (Path(__file__).parents[3] / "configs" / "scenes.yaml").read_text(encoding="utf-8")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "scenes.yaml"
    path.write_text(SHIPPED, encoding="utf-8")
    return path


def change(path, text):
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(stamp + 1_000_000_000, stamp + 1_000_000_000))  # a coarse file system would hide the change


def test_a_changed_file_is_taken_up_once(file):
    watched = WatchedRules(file, Rules.load(file))
    assert not watched.look()
    change(file, SHIPPED.replace('version: "2"', 'version: "mine"'))
    assert watched.look()
    assert watched.rules.version == "mine"
    assert not watched.look()


def test_a_wrong_change_is_told_once_and_the_last_rules_stay(file, caplog):
    watched = WatchedRules(file, Rules.load(file))
    change(file, SHIPPED.replace("valence: 0.6", "valence: 6"))
    with caplog.at_level(logging.WARNING):
        assert not watched.look()
        assert not watched.look()
    assert [record.message for record in caplog.records] == ["the changed rules cannot be used, the last ones stay"]
    assert "valence" in caplog.records[0].reason
    assert watched.rules.version == "2"
    change(file, SHIPPED)
    assert watched.look()


def test_a_file_that_is_gone_is_told_and_the_last_rules_stay(file, caplog):
    watched = WatchedRules(file, Rules.load(file))
    file.unlink()
    with caplog.at_level(logging.WARNING):
        assert not watched.look()
    assert len(caplog.records) == 1
    assert watched.rules.version == "2"

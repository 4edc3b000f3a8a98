"""The verbs of `moodscape hub`, as a person types them."""

import argparse
import json
import sys

import pytest

from hub import cli
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.stores.store import Store
from moments.errors import UserError
from tests.hub.moments import make


def hub(*words, store):
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers())
    args = parser.parse_args(["hub", *words, "--set", f"store.path={store}"])
    return args.run(args)


@pytest.fixture
def held(tmp_path):
    path = tmp_path / "hub.db"
    store = Store(path)
    moments = [make(emotion="calm"), make(emotion="anger", place=None), make(basis="none", origin="note", scene=None)]
    store.take(moments)
    store.write_note(moments[0].id, "by the sea")
    store.correct(moments[1].id, "fear")
    store.close()
    return path


def all_of(path):
    store = Store(path)
    found = sorted(everything(store, Filter()), key=lambda item: item["id"])
    store.close()
    return found


def test_what_is_exported_and_imported_is_the_same_and_a_second_time_changes_nothing(held, tmp_path, capsys):
    file, other = tmp_path / "all.ndjson", tmp_path / "other.db"
    assert hub("export", str(file), store=held) == 0
    assert hub("import", str(file), store=other) == 0
    assert all_of(other) == all_of(held)
    assert hub("import", str(file), store=other) == 0
    assert "0 moments taken, 3 known or erased, 0 lines refused" in capsys.readouterr().out


def test_an_export_takes_the_filter_of_the_api(held, capfdbinary):
    assert hub("export", "emotion=fear", store=held) == 0
    sys.stdout.flush()
    (line,) = capfdbinary.readouterr().out.splitlines()
    assert json.loads(line)["correction"] == "fear"
    with pytest.raises(UserError, match="emotion"):
        hub("export", "emotion=joy", store=held)


def test_lines_that_are_no_moments_are_named_and_the_others_taken(tmp_path, capsys):
    file = tmp_path / "some.ndjson"
    file.write_bytes(b'{"a": 1}\n\n[]\nx\n' + make().to_json() + b"\n")
    assert hub("import", str(file), store=tmp_path / "hub.db") == 1
    said = capsys.readouterr()
    assert [f"line {n}:" in line for n, line in zip((1, 3, 4), said.err.splitlines(), strict=True)] == [True] * 3
    assert "1 moments taken, 0 known or erased, 3 lines refused" in said.out


def test_erasing_needs_a_filter_and_says_how_many(held, capsys):
    with pytest.raises(UserError, match="needs a filter"):
        hub("erase", "tz=Asia/Seoul", store=held)
    assert hub("erase", "has=place", store=held) == 0
    assert capsys.readouterr().out == "2 moments erased\n"
    assert len(all_of(held)) == 1


def test_a_token_is_printed_once_and_works(held, capsys):
    from hub import tokens

    assert hub("token", "phone", "--scope", "write", "--owner", "Ann", store=held) == 0
    token = capsys.readouterr().out.strip()
    store = Store(held)
    assert tokens.look_up(store, token) == tokens.Access("write", None, "Ann")
    assert tokens.look_up(store, token[:-1]) is None
    store.close()


def test_a_backup_is_a_store(held, tmp_path):
    assert hub("backup", str(tmp_path / "copy.db"), store=held) == 0
    assert all_of(tmp_path / "copy.db") == all_of(held)


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no store at .*nowhere\.db"):
        hub("export", store=tmp_path / "nowhere.db")

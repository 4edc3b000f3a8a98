"""The verbs of `moodscape hub`, as a person types them."""

import argparse
import json
import sys

import pytest

from hub import cli
from hub.query.filter import Filter
from hub.query.pages import everything
from hub.stores.store import Store
from moments.errors import UserError, WorkError
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


@pytest.mark.parametrize(
    "words",
    [
        ["FILE", "--format", "csv", "emotion=fear"],
        ["--format", "csv", "FILE", "emotion=fear"],
        ["FILE", "emotion=fear", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_file_filter_and_options_of_an_export_stand_in_any_order(held, tmp_path, words):
    file = tmp_path / "some.csv"
    assert hub("export", *(str(file) if word == "FILE" else word for word in words), store=held) == 0
    head, row = file.read_text("utf-8-sig").splitlines()
    assert head.startswith("id,device,start")
    assert "fear" in row


@pytest.mark.parametrize(
    "words",
    [
        ["export", "all.csv", "--format", "csv", "other.csv"],
        ["export", "all.csv", "--whole", "-x=y"],
        ["export", "all.csv", "--unknown", "emotion=fear"],
        ["import", "all.ndjson", "--set", "http.port=1", "emotion=fear"],
    ],
    ids=" ".join,
)
def test_what_is_no_part_of_a_filter_is_refused_after_an_option_too(tmp_path, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        hub(*words, store=tmp_path / "hub.db")
    assert "unrecognized arguments" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lines_that_are_no_moments_are_named_and_the_others_taken(tmp_path, capsys):
    file = tmp_path / "some.ndjson"
    file.write_bytes(b'{"a": 1}\n\n[]\nx\n' + make().to_json() + b"\n")
    assert hub("import", str(file), store=tmp_path / "hub.db") == 1
    said = capsys.readouterr()
    assert [f"line {n}:" in line for n, line in zip((1, 3, 4), said.err.splitlines(), strict=True)] == [True] * 3
    assert "1 moments taken, 0 known or erased, 3 lines refused" in said.out


def test_of_many_lines_that_are_no_moments_the_first_are_named_and_all_are_counted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hub.importing._NAMED", 2)
    file = tmp_path / "some.ndjson"
    file.write_bytes(b"x\n" * 5 + make().to_json() + b"\n")
    assert hub("import", str(file), store=tmp_path / "hub.db") == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[1:] == [
        f"moodscape: {file} line 2: Expecting value: line 1 column 1 (char 0)",
        f"moodscape: {file}: 3 more lines are refused",
    ]
    assert "1 moments taken, 0 known or erased, 5 lines refused" in said.out


def test_erasing_needs_a_filter_and_says_how_many(held, capsys):
    with pytest.raises(UserError, match="needs a filter"):
        hub("erase", "tz=Asia/Seoul", store=held)
    assert hub("erase", "has=place", store=held) == 0
    assert capsys.readouterr().out == "2 moments erased\n"
    assert len(all_of(held)) == 1


def test_erasing_takes_parts_of_its_filter_on_both_sides_of_an_option(held, capsys):
    assert hub("erase", "has=place", "--set", "http.port=1", "emotion=calm", store=held) == 0
    assert capsys.readouterr().out == "1 moments erased\n"
    assert len(all_of(held)) == 2


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


def test_a_backup_leaves_alone_what_is_there_and_a_link_to_nowhere(held, tmp_path):
    there, link = tmp_path / "there.db", tmp_path / "link.db"
    there.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere.db")
    for file in (there, link):
        with pytest.raises(UserError, match=r"\.db is already there; name a new file"):
            hub("backup", str(file), store=held)
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere.db").exists()


@pytest.mark.parametrize("where", ["nowhere/x", "x" * 300], ids=["no folder", "too long a name"])
def test_a_file_that_cannot_be_is_named_in_a_sentence(held, tmp_path, where):
    with pytest.raises(UserError, match=f"{where} cannot be read: "):
        hub("import", str(tmp_path / where), store=held)
    with pytest.raises(WorkError, match=f"the backup to .*{where} failed: "):
        hub("backup", str(tmp_path / where), store=held)
    with pytest.raises(WorkError, match=f"{where} cannot be written: "):
        hub("export", str(tmp_path / where), store=held)


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no store at .*nowhere\.db"):
        hub("export", store=tmp_path / "nowhere.db")
    with pytest.raises(UserError, match="there is no store at"):
        hub("export", store=tmp_path / ("x" * 300) / "cannot-be-looked-at.db")

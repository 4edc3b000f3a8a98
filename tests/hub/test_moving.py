"""What a person has goes out in open formats, and from one store to another without loss."""

import io
import json
import re

import pytest
from sqlalchemy import select

from hub import tokens
from hub.export import writer
from hub.importing import take
from hub.query import pages
from hub.query.filter import Filter
from hub.stores import checking, unfinished, whole
from hub.stores.store import Letter, Store
from hub.stores.tables import counters, devices, refused_lines
from moments import uuid7
from moments.errors import UserError
from tests.hub.moments import clip, make

MARK = "Zyzzogeton"


def filled(store, count=30):
    held = [
        make(colour="red"),
        make(basis="none", origin="note", place=None),
        make(clip=clip()),
        make(origin="mark", record=uuid7(), clip=clip()),
        *(make() for _ in range(count)),
    ]
    store.take(held, [Letter("moodscape/v1/pocket-1/moment", "of no use", b"\xff")])
    store.describe_device("pocket-1", name="the one", owner="Ann")
    store.write_note(held[0].id, "by the sea")
    store.correct(held[1].id, "calm")
    return held


def written(store, path):
    with path.open("wb") as out, store.reading() as connection:
        out.writelines(whole.lines(connection))
        out.writelines(writer("ndjson")(pages.everything(store, Filter())))


def items(store):
    return {item["id"]: item for item in pages.everything(store, Filter())}


def test_a_store_moves_to_another_kind_and_back_without_loss(any_store, tmp_path):
    held = filled(any_store)
    tokens.make(any_store, "phone", tokens.Access("read"))
    there, back = tmp_path / "there.ndjson", tmp_path / "back.ndjson"
    written(any_store, there)
    other = Store(tmp_path / "other.db")
    done = take(other, there)
    assert (done.new, done.refused) == (len(held), [])
    assert items(other) == items(any_store)
    assert checking.faults(other) == []
    assert take(other, there).new == 0
    written(other, back)
    assert sorted(map(plain, back.read_bytes().splitlines())) == sorted(map(plain, there.read_bytes().splitlines()))
    other.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"of": "tokens", "row": {"digest": "q" * 43 + "=", "name": "phone", "scope": "admin", "made_ms": 1}},
        {"of": "a café"},
    ],
)
def test_a_moment_with_the_fields_of_a_row_is_moved_as_the_moment_that_it_is(store, tmp_path, fields):
    store.take([make(**fields)])
    written(store, tmp_path / "all.ndjson")
    other = Store(tmp_path / "other.db")
    assert take(other, tmp_path / "all.ndjson").refused == []
    assert items(other) == items(store)
    assert tokens.listed(other) == []
    other.close()


def plain(line):
    said = json.loads(line)
    said.get("row", {}).pop("seen_ms", None)
    return json.dumps(said, sort_keys=True)


class Cut(Exception):  # noqa: N818
    """An import was."""


def take_in_part(store, path):
    """Import two batches, and be cut off."""
    seen = []

    def cut(done, size):
        assert 0 < done <= size
        if seen.append(done) or len(seen) == 2:
            raise Cut

    with pytest.raises(Cut):
        take(store, path, cut)


def test_an_import_that_was_cut_off_goes_on_where_it_was(store, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.importing._TOGETHER", 10)
    filled(store)
    written(store, tmp_path / "all.ndjson")
    other = Store(tmp_path / "other.db")
    take_in_part(other, tmp_path / "all.ndjson")
    assert len(items(other)) > 0
    read = take(other, tmp_path / "all.ndjson")
    assert read.known == 0
    assert items(other) == items(store)
    other.close()


WRONG = b'{"a": 1}\n'
UNPUT = b'{"of": "tokens", "row": {"digest": "AAAA", "name": "phone", "scope": null, "made_ms": 1}}\n'


def test_an_import_that_was_cut_off_tells_in_the_end_what_it_refused_before_too(any_store, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.importing._TOGETHER", 10)
    monkeypatch.setattr("hub.importing._NAMED", 2)
    right = [make().to_json() + b"\n" for _ in range(40)]
    path = tmp_path / "all.ndjson"
    path.write_bytes(b"".join([WRONG, *right[:5], UNPUT, *right[5:12], WRONG, *right[12:], WRONG, WRONG]))
    take_in_part(any_store, path)
    done = take(any_store, path)
    assert done.refused == [(1, "id: Field required"), (7, "is no row of tokens: scope is missing or of another kind")]
    assert (done.more_refused, len(items(any_store))) == (3, 40)


def test_an_import_that_came_to_its_end_leaves_nothing_of_itself(store, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.importing._TOGETHER", 10)
    path = tmp_path / "all.ndjson"
    path.write_bytes(b"".join([WRONG, *(make().to_json() + b"\n" for _ in range(40))]))
    take_in_part(store, path)
    with store.reading() as connection:
        assert connection.execute(select(refused_lines)).all() != []
    assert len(take(store, path).refused) == 1
    with store.reading() as connection:
        assert connection.execute(select(refused_lines)).all() == []
        names = connection.execute(select(counters.c.name)).scalars().all()
    assert [name for name in names if name.startswith("import")] == []


OF_ITS_OWN = json.loads(make().to_json())
OF_A_TOKEN = {"digest": "q" * 43 + "=", "name": MARK, "scope": "read", "made_ms": 1}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(OF_ITS_OWN | {"emotions": {MARK: "x"}}, id="keys"),
        pytest.param(OF_ITS_OWN | {"device": f"{MARK} by the sea", "start": MARK, "basis": MARK}, id="values"),
        pytest.param({"of": MARK, "row": {MARK: MARK}}, id="table"),
        pytest.param({"of": "records", "row": {MARK: MARK}}, id="columns"),
        pytest.param({"of": "tokens", "row": OF_A_TOKEN | {"n": MARK}}, id="numbers"),
    ],
)
def test_nothing_of_a_line_stands_in_why_it_is_refused(any_store, tmp_path, said):
    (tmp_path / "all.ndjson").write_text(json.dumps(said))
    ((_, why),) = take(any_store, tmp_path / "all.ndjson").refused
    assert MARK not in why


def test_sounds_that_are_still_to_be_erased_are_so_at_the_new_hub_too(store, tmp_path):
    with store.writing() as connection:
        unfinished.leave_sounds(connection, ["ab" * 32])
        unfinished.leave_bytes(connection)
    written(store, tmp_path / "all.ndjson")
    other = Store(tmp_path / "other.db")
    assert take(other, tmp_path / "all.ndjson").refused == []
    with other.reading() as connection:
        assert connection.execute(select(unfinished.loose_sounds.c.sha256)).scalars().all() == ["ab" * 32]
        assert connection.execute(select(unfinished.unscrubbed)).all() == []
    other.close()


def test_a_device_that_the_new_hub_heard_already_gets_its_owner(store, tmp_path):
    filled(store)
    written(store, tmp_path / "all.ndjson")
    other = Store(tmp_path / "other.db")
    other.take([make()])
    take(other, tmp_path / "all.ndjson")
    with other.reading() as connection:
        (device,) = connection.execute(select(devices.c.name, devices.c.owner)).all()
    assert tuple(device) == ("the one", "Ann")
    other.close()


@pytest.mark.parametrize(
    "row", [{"sha256": "ab"}, {"sha256": 3, "device": "a", "media_type": "audio/flac", "bytes": 1, "made_ms": 2}]
)
def test_a_row_that_is_none_is_refused_and_holds_up_nothing(store, tmp_path, row):
    moment = make()
    lines = [json.dumps({"of": "clips", "row": row}), moment.to_json().decode()]
    (tmp_path / "all.ndjson").write_text("\n".join(lines))
    done = take(store, tmp_path / "all.ndjson")
    assert (done.new, len(done.refused)) == (1, 1)
    assert "clips" in done.refused[0][1]


NUL_IN_A_ROW = {"id": "p", "owner": "", "name": "ho\0me", "lat": 1.0, "lon": 2.0, "radius_m": 3.0}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"of": "tokens"}', "Field required"),
        ('{"x":' * 100_000 + "1" + "}" * 100_000, "is nested too deeply"),
        (json.dumps({"of": "devices", "row": {"id": "a", "seen_ms": 10**30}}), "too large|out of range"),
        (json.dumps({"of": "devices", "row": {"id": "a", "seen_ms": True}}), "seen_ms is missing or of another kind"),
        (json.dumps(json.loads(make().to_json()) | {"note": "\ud800"}), "a text that JSON cannot tell"),
        (json.dumps({"of": "named_places", "row": NUL_IN_A_ROW | {"name": "\ud800"}}), "a text that JSON cannot tell"),
    ],
)
def test_a_line_that_no_store_takes_is_named_and_costs_no_other(any_store, tmp_path, line, why):
    filled(any_store, 2)
    written(any_store, tmp_path / "all.ndjson")
    first, *others = (tmp_path / "all.ndjson").read_text().splitlines()
    moment = make()
    (tmp_path / "more.ndjson").write_text("\n".join([first, line, *others, moment.to_json().decode()]))
    done = take(any_store, tmp_path / "more.ndjson")
    assert (done.new, [number for number, _ in done.refused]) == (1, [2])
    assert re.search(why, done.refused[0][1])
    assert moment.id in items(any_store)


@pytest.mark.needs("initdb")
def test_what_postgresql_refuses_in_a_row_costs_that_line_alone(postgres, tmp_path):
    moments = [make(), make()]
    row = json.dumps({"of": "named_places", "row": NUL_IN_A_ROW})
    lines = [moments[0].to_json().decode(), row, moments[1].to_json().decode()]
    (tmp_path / "all.ndjson").write_text("\n".join(lines))
    store = Store(postgres.new())
    done = take(store, tmp_path / "all.ndjson")
    assert (done.new, [number for number, _ in done.refused]) == (2, [2])
    assert "NUL" in done.refused[0][1]
    store.close()


def test_a_note_with_a_nul_goes_over_without_it(any_store, tmp_path):
    moment = make()
    said = json.loads(moment.to_json()) | {"note": "by\0 the sea"}
    (tmp_path / "all.ndjson").write_text(json.dumps(said))
    assert take(any_store, tmp_path / "all.ndjson").refused == []
    assert items(any_store)[moment.id]["note"] == "by the sea"


def test_parquet_has_the_columns_with_their_types_and_the_whole_moment(store):
    import pyarrow.parquet

    held = filled(store)
    table = pyarrow.parquet.read_table(io.BytesIO(b"".join(writer("parquet")(pages.everything(store, Filter())))))
    assert table.num_rows == len(held)
    assert str(table.schema.field("valence").type) == "double"
    assert {json.loads(text)["id"]: json.loads(text) for text in table["moment"].to_pylist()} == items(store)


def test_a_format_whose_part_is_missing_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr("hub.export.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'moodscape\[parquet\]'"):
        writer("parquet")


def test_nothing_of_an_erased_owner_is_left(store, tmp_path):
    from hub.forgetting import without_broker
    from hub.records.sounds import Sounds

    held = [make(said=MARK) for _ in range(20)]
    store.describe_device("pocket-1", name=MARK, owner=f"{MARK}-owner")
    tokens.make(store, "theirs", tokens.Access("read", None, f"{MARK}-owner"))
    store.take([*held, make(device="pocket-2")], [Letter("moodscape/v1/pocket-1/moment", MARK, MARK.encode())])
    store.write_note(held[0].id, f"{MARK} was here")
    forgetting = without_broker(store, Sounds(tmp_path / "sounds"))
    assert forgetting.matching(Filter(owner=f"{MARK}-owner")) == 20
    left = [file for file in store.path.parent.rglob("*") if file.is_file() and holds(file, MARK)]
    assert left == []
    assert len(items(store)) == 1
    assert checking.faults(store) == []


def holds(file, mark):
    content = file.read_bytes()
    return mark.encode() in content or mark.lower().encode() in content

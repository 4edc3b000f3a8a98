import errno
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Clock
from edge.outbox.queue import Outbox
from edge.owner.answered import Answered
from edge.owner.commands import Commands
from edge.owner.pause import Pause
from edge.records.clip import Safe, packed
from edge.records.recorder import Belongs, Recorder, Span
from edge.records.shelf import Shelf
from edge.sound import RATE, Block
from moments import uuid7
from tests.edge.making import NOON, moments
from tests.parts import wait_until

WALL = NOON.timestamp()


class Asked:
    def __init__(self, folder):
        self.known, self.folder = True, folder
        self.clock = Clock(wall=lambda: WALL, monotonic=lambda: 5.0, since_boot=lambda: 5.0, known=lambda: self.known)
        self.outbox = Outbox(folder / "outbox.sqlite", max_mb=10, max_days=365)
        self.path = folder / "paused.json"
        self.pause = Pause(self.path)
        self.notes = []
        self.forgotten = []
        self.hangs = False
        self.shelf = Shelf(folder / "clips", Safe(None), max_days=30, max_disk_share=0.5)
        self.recorder = Recorder(
            Span(clips=True, ordinary=False, before_s=1, after_s=1),
            self.shelf,
            Safe(None),
            attach=lambda *_: None,
            unix=lambda at: WALL - 5.0 + at,
        )
        self.commands = self.by(self.clock)

    def by(self, clock):
        return Commands(
            clock,
            self.outbox,
            self.pause,
            self.mark,
            shelf=self.shelf,
            recorder=self.recorder,
            forget=self.forget,
            answered=Answered(self.folder / "commands.json"),
        )

    def forget(self, begin, end):
        self.forgotten.append((begin, end))
        if self.hangs:
            raise TimeoutError("a model hangs")

    def mark(self, note):
        self.notes.append(note)
        return "a-record"

    def __call__(self, do, number="1", **more):
        return self.commands.answer(json.dumps({"id": number, "do": do} | more).encode())


@pytest.fixture
def ask(tmp_path):
    asked = Asked(tmp_path)
    yield asked
    asked.outbox.close()


def test_a_ping_is_answered(ask):
    assert ask("ping") == {"id": "1", "ok": True, "error": None}


def test_a_command_that_comes_twice_is_done_once_and_answered_twice(ask):
    first = ask("mark")
    assert first["record"] == "a-record"
    assert ask("mark") == first
    assert ask.notes == [None]


def test_a_command_that_comes_again_after_a_restart_is_answered_and_not_done_again(ask):
    erased = ask("erase", args={})
    ask.commands = ask.by(ask.clock)
    assert ask("erase", args={}) == erased
    assert len(ask.forgotten) == 1, "what was heard since is not what was meant"


@pytest.mark.parametrize("kept", [b"", b"[]", b"{", b'{"1": null}'])
def test_answers_that_cannot_be_read_hold_nothing_up(tmp_path, kept):
    (tmp_path / "commands.json").write_bytes(kept)
    asked = Asked(tmp_path)
    assert asked("ping")["ok"]
    asked.outbox.close()


def test_answers_are_kept_from_several_threads_at_once_and_for_their_owner_alone(tmp_path):
    path = tmp_path / "state" / "commands.json"
    answered = Answered(path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: answered.keep({"id": str(number), "ok": True}), range(80)))
    again = Answered(path)
    assert all(again.get(str(number)) for number in range(80))
    assert path.stat().st_mode & 0o077 == 0


def test_the_last_hundred_answers_are_kept(tmp_path):
    answered = Answered(tmp_path / "commands.json")
    for number in range(150):
        answered.keep({"id": str(number), "ok": True})
    again = Answered(tmp_path / "commands.json")
    assert [again.get(str(number)) is None for number in (49, 50, 149)] == [True, False, False]


@pytest.mark.parametrize(("ago", "left"), [(timedelta(hours=1), True), (timedelta(seconds=1), False)])
def test_an_erasing_of_what_is_long_over_leaves_the_sound_in_memory(ask, monkeypatch, ago, left):
    forgotten = []
    monkeypatch.setattr(ask.recorder, "forget_all", lambda: forgotten.append(True))
    assert ask("erase", args={"to": (NOON - ago).isoformat()})["ok"]
    assert (not forgotten) is left


def test_an_expired_command_is_ignored(ask):
    assert ask("mark", until=(NOON - timedelta(seconds=1)).isoformat()) is None
    assert ask("mark", "2", until=(NOON + timedelta(seconds=1)).isoformat())["ok"]
    assert ask.notes == [None]


def test_a_device_that_does_not_know_the_time_cannot_tell_what_has_expired(tmp_path):
    asked = Asked(tmp_path)
    free = Clock(wall=lambda: WALL, known=lambda: False)
    assert asked.by(free).answer(b'{"id": "1", "do": "ping", "until": "2020-01-01T00:00:00Z"}')["ok"]
    asked.outbox.close()


def test_a_pause_lasts_until_it_is_ended_also_across_a_reboot(ask):
    ask("pause")
    assert ask.pause.active(NOON)
    assert Pause(ask.path).active(NOON + timedelta(days=99))
    ask("resume", "2")
    assert not ask.pause.active(NOON)
    assert not Pause(ask.path).active(NOON)


def test_a_pause_may_end_by_itself(ask):
    ask("pause", args={"until": (NOON + timedelta(hours=1)).isoformat()})
    again = Pause(ask.path)
    assert again.active(NOON + timedelta(minutes=59))
    assert not again.active(NOON + timedelta(hours=1))
    assert not Pause(ask.path).active(NOON), "and is then forgotten"


def test_a_pause_that_cannot_be_read_is_kept(ask):
    ask.path.write_text("{")
    assert Pause(ask.path).active(NOON)


def test_a_pause_that_cannot_be_looked_at_is_kept(tmp_path):
    assert Pause(tmp_path / ("x" * 300) / "paused.json").active(NOON)


def test_a_pause_on_a_disk_that_takes_nothing_holds_until_a_reboot(tmp_path):
    (tmp_path / "file").write_text("")
    pause = Pause(tmp_path / "file" / "paused.json")
    pause.begin(None)
    assert pause.active(NOON)


def test_a_note_goes_with_the_mark(ask):
    ask("mark", args={"note": "the rain stopped"})
    assert ask.notes == ["the rain stopped"]


def test_erasing_reaches_the_outbox_by_id_and_by_time(ask):
    four = moments(4)
    for each in four:
        ask.outbox.put(each)
    assert ask("erase", args={"ids": [four[0].id]})["erased"] == 1
    assert ask("erase", "2", args={"from": NOON.isoformat(), "to": (NOON + timedelta(seconds=2)).isoformat()}) == {
        "id": "2",
        "ok": True,
        "error": None,
        "erased": 1,
        "clips": 0,
    }
    assert ask("erase", "3")["erased"] == 2
    assert ask.outbox.depth == 0


def kept_clip(ask, value, begin=WALL, **more):
    label, content = packed(
        np.full(RATE, value, np.int16),
        Safe(None),
        **{"kind": "mark", "record": None, "moments": []} | more,
        begin=begin,
    )
    assert ask.shelf.put(label, content)
    return label


def test_what_is_to_be_erased_is_not_sent_though_the_disk_of_the_clips_refuses(ask, monkeypatch):
    record = uuid7()
    for each in moments(2, record=record):
        ask.outbox.put(each)

    def refuses(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(ask.shelf, "erase", refuses)
    assert "Read-only" in ask("erase", args={"records": [record]})["error"]
    assert ask.outbox.after(0, 9) == []


def test_erasing_a_moment_or_a_record_reaches_its_clip(ask):
    one, two, three, four = moments(4, record=None)
    records = [uuid7() for _ in range(3)]
    of_moment = kept_clip(ask, 1, moments=[one.id])
    of_record = kept_clip(ask, 2, record=records[1])
    by_hash = kept_clip(ask, 3)
    of_waiting = kept_clip(ask, 4)
    other = kept_clip(ask, 5)
    ask.outbox.put(two.model_copy(update={"record": records[1]}))
    ask.outbox.put(three.model_copy(update={"record": records[2], "clip": of_waiting.clip}))
    ask.outbox.put(four)
    assert ask("erase", args={"ids": [one.id]})["clips"] == 1
    answer = ask("erase", "2", args={"records": records[1:]})
    assert (answer["erased"], answer["clips"]) == (2, 2)
    assert ask("erase", "3", args={"clips": [by_hash.sha256]})["clips"] == 1
    assert ask("erase", "4", args={"ids": []})["erased"] == 0, "nothing named is nothing erased"
    assert [kept.label for kept in ask.shelf.all()] == [other]
    assert ask.outbox.depth == 1
    assert not {of_moment.sha256, of_record.sha256} & {path.stem for path in ask.shelf.folder.iterdir()}


def test_erasing_a_span_of_time_reaches_the_clips_that_touch_it(ask):
    kept_clip(ask, 1, begin=WALL - 0.5)
    after = kept_clip(ask, 2, begin=WALL + 10)
    unknown = kept_clip(ask, 3, begin=None)
    span = {"from": NOON.isoformat(), "to": (NOON + timedelta(seconds=10)).isoformat()}
    assert ask("erase", args=span)["clips"] == 1
    assert {kept.label.sha256 for kept in ask.shelf.all()} == {after.sha256, unknown.sha256}
    assert ask("erase", "2")["clips"] == 2


def test_erasing_a_span_of_time_reaches_the_clips_of_the_moments_that_began_in_it(ask):
    in_it, of_record, after = moments(3)
    record = uuid7()
    unknown = kept_clip(ask, 1, kind="ordinary", begin=None, moments=[in_it.id])
    long = kept_clip(ask, 2, kind="ordinary", begin=WALL + 200, moments=[in_it.id])
    mark = kept_clip(ask, 3, begin=None, record=record)
    other = kept_clip(ask, 4, begin=None, moments=[after.id])
    ask.outbox.put(in_it)
    ask.outbox.put(of_record.model_copy(update={"record": record, "clip": mark.clip}))
    ask.outbox.put(after)
    span = {"from": NOON.isoformat(), "to": (NOON + timedelta(seconds=2)).isoformat()}
    answer = ask("erase", args=span)
    assert (answer["erased"], answer["clips"]) == (2, 3)
    assert [kept.label for kept in ask.shelf.all()] == [other]
    assert not {unknown.sha256, long.sha256} & {path.stem for path in ask.shelf.folder.iterdir()}


@pytest.fixture
def marked(ask):
    """A mark of ten minutes ago whose clip is on the shelf: what it told, and its clip."""
    attached = []
    ask.recorder._attach = lambda _, clip: attached.append(clip)
    ask.recorder.start()
    for part in range(12):
        ask.recorder.hear(Block(np.full(RATE // 4, 0.1, np.float32), part / 4 - 597))
        if part == 7:
            told = ask.recorder.mark(-595.0, "m0")
    yield told, wait_until(lambda: attached)[0]
    ask.recorder.close(5)


def late(ask):
    """Say what a scene that went on from before the mark to after it is part of."""
    return ask.recorder.belongs("scene", -596.0, 0.0)


def test_a_scene_that_goes_on_belongs_to_no_record_that_was_erased(ask, marked):
    told, clip = marked
    assert late(ask) == Belongs(told.record, clip)
    assert ask("erase", args={"records": [told.record]})["clips"] == 1
    assert late(ask) == Belongs()


def test_a_scene_that_goes_on_names_no_clip_that_was_erased(ask, marked):
    told, clip = marked
    assert ask("erase", args={"clips": [clip.sha256]})["clips"] == 1
    assert late(ask) == Belongs(told.record)


def test_a_scene_that_goes_on_belongs_to_no_mark_of_a_time_that_was_erased(ask, marked):
    told, _ = marked
    made = NOON - timedelta(seconds=600)
    args = {"from": (made + timedelta(seconds=0.5)).isoformat(), "to": (NOON - timedelta(seconds=400)).isoformat()}
    assert ask("erase", args=args)["clips"] == 1, "its sound reaches into it"
    assert late(ask) == Belongs(told.record)
    assert ask("erase", "2", args={"from": made.isoformat(), "to": args["from"]})["ok"]
    assert late(ask) == Belongs()


def test_a_scene_that_goes_on_names_no_clip_that_went_with_a_moment_of_a_time_that_was_erased(ask, marked):
    told, clip = marked
    began = NOON - timedelta(seconds=700)
    of_record = moments(1)[0].model_copy(update={"start": began, "record": told.record, "clip": clip})
    ask.outbox.put(of_record)
    args = {"from": began.isoformat(), "to": (began + timedelta(seconds=50)).isoformat()}
    assert ask("erase", args=args)["clips"] == 1
    assert late(ask) == Belongs(told.record)


def test_erasing_by_time_reaches_what_is_heard_and_is_no_moment_yet(ask):
    span = {"from": NOON.isoformat(), "to": (NOON + timedelta(seconds=10)).isoformat()}
    assert ask("erase", args=span)["ok"]
    assert ask("erase", "2")["ok"]
    assert ask.forgotten == [(WALL, WALL + 10), (float("-inf"), float("inf"))]


def test_an_erasure_that_cannot_reach_it_is_refused(ask):
    ask.outbox.put(moments(1)[0])
    ask.hangs = True
    reply = ask("erase")
    assert (reply["ok"], reply["error"]) == (False, "a model hangs")
    ask.hangs = False
    assert ask("erase", "2")["erased"] == 1


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"id": "1", "do": "explode"}, "do: Input should be"),
        ({"id": "1", "do": "pause", "until": "soon"}, "until: "),
        ({"id": "1", "do": "mark", "args": {"note": 3}}, "args.note: "),
        ({"id": "1", "do": "erase", "args": {"from": "x"}}, "args.from: "),
    ],
)
def test_a_wrong_command_is_answered_with_the_field_that_is_wrong(ask, payload, error):
    reply = ask.commands.answer(json.dumps(payload).encode())
    assert (reply["id"], reply["ok"]) == ("1", False)
    assert reply["error"].startswith(error)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "do", "args"]), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_bytes_end_in_an_exception(payload):
    parts = {"shelf": None, "recorder": None, "forget": lambda *_: None, "answered": Answered(Path("/dev/null/none"))}
    commands = Commands(Clock(), None, None, lambda _: "", **parts)
    reply = commands.answer(payload)
    assert reply is None or not reply["ok"]


def test_a_device_that_does_not_know_the_time_forgets_the_sound_in_memory_whatever_the_span(ask, monkeypatch):
    forgotten = []
    monkeypatch.setattr(ask.recorder, "forget_all", lambda: forgotten.append(True))
    ask.commands = ask.by(Clock(wall=lambda: WALL, known=lambda: False))
    assert ask("erase", args={"to": (NOON - timedelta(hours=1)).isoformat()})["ok"]
    assert forgotten, "its clock may be wrong by more than that"

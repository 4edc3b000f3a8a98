import io
import math
import threading
import uuid

import numpy as np
import pytest
import soundfile

from edge.records.clip import Safe
from edge.records.recorder import Belongs, Recorder, Span
from edge.records.shelf import Shelf
from edge.sound import RATE, Block
from tests.parts import wait_until


class Studio:
    """A recorder that hears a level a second: second n is n / 100 of full scale."""

    def __init__(self, folder, **span):
        self.shelf = Shelf(folder, Safe(None), max_days=30, max_disk_share=0.5)
        self.attached = []
        self.recorder = Recorder(
            Span(**({"clips": True, "ordinary": False, "before_s": 3, "after_s": 2} | span)),
            self.shelf,
            Safe(None),
            attach=lambda *given: self.attached.append(given),
            unix=lambda at: 1000 + at,
        )
        self.recorder.start()
        self.now = 0

    def hears(self, seconds):
        for _ in range(seconds):
            for part in range(4):
                level = np.full(RATE // 4, self.now / 100, np.float32)
                self.recorder.hear(Block(level, self.now + part / 4))
            self.now += 1

    def seconds_of(self, clip):
        samples, _ = soundfile.read(io.BytesIO(self.shelf.sound(clip.sha256)))
        return [round(100 * float(second.mean())) for second in samples.reshape(-1, RATE)]


@pytest.fixture
def studio(tmp_path):
    made = []

    def go(**span):
        made.append(Studio(tmp_path / "clips", **span))
        return made[-1]

    yield go
    for each in made:
        each.recorder.close(5)
    assert not any(thread.name == "clips" for thread in threading.enumerate())


def test_a_mark_keeps_the_sound_before_and_after_it_and_its_moments_wait_for_the_clip(studio):
    s = studio()
    s.hears(10)
    marked = s.recorder.mark(10.0, "m0")
    assert marked.clip is None
    assert marked.hold == marked.record
    inside = s.recorder.belongs("m1", 6.0, 7.5)
    assert (inside.record, inside.hold) == (marked.record, marked.record)
    assert s.recorder.belongs("m2", 5.0, 7.0).record is None, "it ended before"
    s.hears(2)
    ((hold, clip),) = wait_until(lambda: s.attached)
    assert hold == marked.record
    assert s.seconds_of(clip) == [7, 8, 9, 10, 11]
    label = s.shelf.all()[0].label
    assert (label.record, label.moments, label.begin) == (marked.record, ["m0", "m1"], 1007.0)
    late = s.recorder.belongs("m3", 11.5, 20.0)
    assert (late.record, late.clip, late.hold) == (marked.record, clip, None)
    assert s.recorder.belongs("m4", 12.0, 20.0).record is None, "it began after"


def test_a_records_id_tells_the_time_of_the_devices_own_clock(studio):
    record = studio().recorder.mark(10.0, "m0").record
    assert uuid.UUID(record).int >> 80 == 1_010_000


def test_without_clips_a_mark_is_a_record_and_nothing_is_held_or_kept(studio):
    s = studio(clips=False)
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    assert marked.record
    assert marked.hold is None
    assert s.recorder.belongs("m1", 5.5, 6.0).record == marked.record
    s.hears(5)
    s.recorder.close(5)
    assert not s.shelf.folder.exists()
    assert s.attached == []


def test_ordinary_moments_keep_their_last_seconds_only_where_the_owner_wants_it(studio):
    s = studio(ordinary=True)
    s.hears(20)
    own = s.recorder.belongs("m1", 2.0, 19.0)
    assert (own.record, own.hold) == (None, "m1")
    ((hold, clip),) = wait_until(lambda: s.attached)
    assert hold == "m1"
    assert s.seconds_of(clip) == list(range(4, 19))
    assert s.shelf.all()[0].label.kind == "ordinary"


def test_a_pause_ends_the_record_with_what_there_is_and_forgets_the_sound(studio):
    s = studio()
    s.hears(5)
    s.recorder.mark(5.0, "m0")
    s.recorder.hush()
    ((_, clip),) = wait_until(lambda: s.attached)
    assert s.seconds_of(clip) == [2, 3, 4]
    s.now = 6
    s.recorder.mark(6.0, "m1")
    s.hears(3)
    assert s.seconds_of(wait_until(lambda: s.attached[1:])[0][1]) == [6, 7], "nothing from before the pause"


def test_what_is_heard_after_a_suspend_belongs_to_no_record_of_before_though_the_clock_stood_still(studio):
    s = studio()
    s.hears(10)
    marked = s.recorder.mark(10.0, "m0")
    s.recorder.hush(10.0)
    ((hold, clip),) = wait_until(lambda: s.attached)
    assert (hold, s.seconds_of(clip)) == (marked.record, [7, 8, 9])
    assert s.recorder.belongs("m1", 8.0, 9.5).record == marked.record
    assert s.recorder.belongs("m2", 10.0, 11.0).record is None


def test_a_mark_after_a_suspend_is_of_nothing_from_before_it(studio):
    s = studio()
    s.hears(10)
    s.recorder.hush(11.0)
    s.now = 12
    marked = s.recorder.mark(12.0, "m0")
    assert s.recorder.belongs("m1", 9.0, 10.5).record is None
    s.hears(3)
    ((hold, clip),) = wait_until(lambda: s.attached)
    assert (hold, s.seconds_of(clip)) == (marked.record, [12, 13])


def test_a_record_ends_also_when_no_more_sound_comes(studio):
    s = studio()
    s.hears(5)
    s.recorder.mark(5.0, "m0")
    s.recorder.tick(9.9)
    assert s.attached == []
    s.recorder.tick(10.1)
    assert s.seconds_of(wait_until(lambda: s.attached)[0][1]) == [2, 3, 4]


def test_a_mark_in_silence_lets_its_moment_go_without_a_clip(studio):
    s = studio()
    marked = s.recorder.mark(5.0, "m0")
    s.recorder.tick(11.0)
    assert s.attached == [(marked.record, None)]


def test_clips_switched_off_make_no_clip_of_what_is_open(studio):
    s = studio()
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    s.recorder.use(Span(clips=False, ordinary=False, before_s=3, after_s=2))
    assert s.attached == [(marked.record, None)]
    assert s.shelf.all() == []


def test_what_is_erased_while_it_is_recorded_becomes_no_clip(studio):
    s = studio()
    s.hears(5)
    first, second = s.recorder.mark(5.0, "m0"), s.recorder.mark(5.5, "m1")
    s.recorder.forget(["m1"], [], [])
    s.hears(3)
    wait_until(lambda: len(s.attached) == 2)
    clips = dict(s.attached)
    assert clips[first.record] is not None
    assert clips[second.record] is None
    s.recorder.mark(8.0, "m2")
    s.recorder.forget_all()
    s.hears(3)
    assert wait_until(lambda: s.attached[2:])[0][1] is None


def test_an_ordinary_moment_whose_sound_is_gone_waits_for_no_clip(studio):
    s = studio(ordinary=True)
    s.hears(20)
    s.recorder.forget_all()
    assert s.recorder.belongs("m1", 2.0, 19.0).hold is None, "nobody would ever let it go"


def test_an_ordinary_moment_that_is_erased_while_its_clip_is_made_has_none(studio):
    s = studio(ordinary=True)
    s.hears(20)
    with s.recorder.lock:
        assert s.recorder.belongs("m1", 2.0, 19.0).hold == "m1"
        s.recorder.forget(["m1"], [], [])
    assert wait_until(lambda: s.attached) == [("m1", None)]
    assert s.shelf.all() == []


def test_a_clip_that_is_erased_while_it_is_put_on_the_shelf_is_not_named(studio, monkeypatch):
    s = studio()
    put = s.shelf.put

    def put_and_erased(*given):
        kept = put(*given)
        s.recorder.forget(["m0"], [], [])
        return kept

    monkeypatch.setattr(s.shelf, "put", put_and_erased)
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    s.hears(3)
    assert wait_until(lambda: s.attached) == [(marked.record, None)]


def test_a_mark_stays_when_another_moment_of_its_record_or_its_clip_is_erased(studio):
    s = studio()
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    s.recorder.belongs("m1", 5.0, 6.0)
    s.hears(3)
    ((_, clip),) = wait_until(lambda: s.attached)
    s.recorder.forget([], [], [clip.sha256])
    s.recorder.forget(["m1"], [], [])
    assert s.recorder.belongs("m2", 6.0, 306.0) == Belongs(marked.record)
    s.recorder.forget(["m0"], [], [])
    assert s.recorder.belongs("m3", 6.0, 306.0) == Belongs(), "its own moment was erased"


def test_a_span_of_time_reaches_the_marks_made_in_it_and_the_clips_that_touch_it(studio):
    s = studio()
    s.hears(5)
    first = s.recorder.mark(5.0, "m0")
    s.hears(10)
    second = s.recorder.mark(15.0, "m1")
    s.hears(3)
    wait_until(lambda: len(s.attached) == 2)
    clips = dict(s.attached)
    s.recorder.forget_span(1000.0, 1002.0)
    s.recorder.forget_span(1007.0, 1012.0)
    assert s.recorder.belongs("m2", 6.0, 11.0) == Belongs(first.record, clips[first.record]), "they touch neither"
    s.recorder.forget_span(1006.0, 1013.0)
    assert s.recorder.belongs("m3", 6.0, 11.0) == Belongs(first.record), "both marks were made outside"
    assert s.recorder.belongs("m4", 14.0, 19.0) == Belongs(second.record)
    s.recorder.forget_span(1005.0, 1006.0)
    assert s.recorder.belongs("m5", 6.0, 11.0) == Belongs()
    assert s.recorder.belongs("m6", 14.0, 19.0).record == second.record


def test_a_mark_of_a_time_that_nobody_knows_is_reached_by_a_span_without_a_begin_alone(studio):
    s = studio(clips=False)
    s.recorder._unix = lambda _: None
    marked = s.recorder.mark(5.0, "m0")
    s.recorder.forget_span(0.0, math.inf)
    assert s.recorder.belongs("m1", 5.0, 6.0).record == marked.record
    s.recorder.forget_span(-math.inf, 0.0)
    assert s.recorder.belongs("m2", 5.0, 6.0).record is None


def test_a_shelf_that_takes_nothing_lets_the_moments_go(studio, monkeypatch):
    s = studio()
    monkeypatch.setattr(s.shelf, "put", lambda *_: False)
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    s.hears(3)
    assert wait_until(lambda: s.attached) == [(marked.record, None)]


def test_records_that_nothing_can_belong_to_any_more_are_forgotten(studio):
    s = studio(clips=False)
    for n in range(50):
        s.recorder.mark(float(n), f"m{n}")
    s.recorder.tick(2000.0)
    assert s.recorder._cuts == []


def test_the_moment_of_a_scene_that_went_on_for_minutes_after_a_mark_belongs_to_it(studio):
    s = studio()
    s.hears(5)
    marked = s.recorder.mark(5.0, "m0")
    s.hears(3)
    ((_, clip),) = wait_until(lambda: s.attached)
    for now in range(8, 307):
        s.recorder.tick(float(now))
    told = s.recorder.belongs("m1", 5.0, 305.0)
    assert (told.record, told.clip, told.hold) == (marked.record, clip, None)
    s.recorder.forget([], [marked.record], [])
    late = s.recorder.belongs("m2", 6.0, 306.0)
    assert late.clip is None, "it was erased"
    assert late.record is None, "and a record that is gone takes no moment"

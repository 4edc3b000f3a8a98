"""An outbox against a plain dictionary, through stores, erasures, kills and restarts."""

import os
import shutil
import time
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from edge.clock import Reading
from edge.outbox.queue import Outbox
from moments import Moment
from tests.edge.making import CLIP, NOON, ids, moment


class Life(RuleBasedStateMachine):
    """`model`: the ids that wait, True for those that may not be sent yet."""

    put_ids = Bundle("put_ids")

    def __init__(self):
        super().__init__()
        self.folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"outbox-{os.getpid()}-{time.monotonic_ns()}"
        self.path = self.folder / "outbox.sqlite"
        self.box = Outbox(self.path, max_mb=100, max_days=365)
        self.model: dict[str, bool] = {}
        self.answered: set[str] = set()
        self.held: set[str] = set()

    @rule(target=put_ids, free=st.booleans())
    def put(self, free):
        each = moment(clock="free" if free else "synced")
        self.box.put(each, heard=1.0 if free else None, boot="b" if free else None)
        self.model[each.id] = free
        return each.id

    @rule(target=put_ids)
    def put_held(self):
        each = moment()
        self.box.put(each, hold=each.id)
        self.model[each.id] = True
        self.held.add(each.id)
        return each.id

    @rule(each=put_ids, clip=st.sampled_from([CLIP, None]))
    def the_clip_is_there(self, each, clip):
        self.box.attach(each, clip)
        if each in self.held and each in self.model:
            self.model[each] = False
            assert Moment.from_json(self.box.rows([each])[0].body).clip == clip
        self.held.discard(each)

    @rule(each=consumes(put_ids))
    def stored(self, each):
        self.box.stored([each])
        self.model.pop(each, None)
        self.answered.add(each)

    @rule(each=put_ids)
    def erase(self, each):
        assert self.box.erase([each]) == (each in self.model)
        self.model.pop(each, None)

    @rule()
    def erase_the_hour(self):
        assert self.box.erase_between(NOON.timestamp(), NOON.timestamp() + 3600) == len(self.model)
        self.model.clear()

    @rule()
    def learn_the_time(self):
        waiting = sum(free for each, free in self.model.items() if each not in self.held)
        assert self.box.settle(lambda s: Reading(NOON, "synced", s), "b") == waiting
        self.model = {each: each in self.held for each in self.model}

    @rule()
    def tick(self):
        self.box.tick(NOON.timestamp())

    @rule()
    def restart(self):
        self.box.close()
        self.open_again()

    def open_again(self):
        """Whoever held a moment is gone."""
        self.box = Outbox(self.path, max_mb=100, max_days=365)
        self.model |= dict.fromkeys(self.held & set(self.model), False)
        self.held.clear()

    @rule()
    def die(self):
        """A kill forgets what was in memory: answers whose deletion had not been written come back."""
        self.box._file._db.close()
        self.open_again()
        back = {row.id for row in self.box.after(0, 10_000)} - set(self.model)
        assert back <= self.answered
        self.model |= dict.fromkeys(back, False)

    @invariant()
    def what_may_be_sent_is_what_waits(self):
        sendable = ids(self.box.after(0, 10_000))
        assert sendable == [each for each in self.sorted() if not self.model[each]]
        assert self.box.depth == len(self.model)
        assert self.box.trouble is None

    def sorted(self):
        rows = {row.id: row.seq for row in self.box.rows(self.model)}
        return sorted(self.model, key=lambda each: rows[each])

    def teardown(self):
        self.box.close()
        shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)

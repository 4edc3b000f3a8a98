import pytest

from edge.outbox import queue as outboxes
from edge.outbox.queue import Outbox
from moments import uuid7
from tests.edge.making import moments
from tests.edge.outbox.breaking import fill, harm


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "outbox.sqlite"


@pytest.fixture
def opened(path):
    boxes = []

    def go(**bounds):
        box = Outbox(path, **({"max_mb": 100, "max_days": 365} | bounds))
        boxes.append(box)
        return box

    yield go
    for box in boxes:
        box.close()


@pytest.fixture
def many():
    record = uuid7()
    return [
        each.model_copy(update={"record": record}) if n % 100 == 0 else each for n, each in enumerate(moments(1500))
    ]


@pytest.fixture
def damaged(opened, path, many):
    """Write an outbox of which the middle is broken."""
    fill(opened(), many)
    harm(path)
    return opened


@pytest.fixture
def steps(monkeypatch):
    """Let a tick take over one batch only."""
    monkeypatch.setattr(outboxes, "_TURN_SECONDS", -1.0)

import pytest

from edge.outbox.queue import Outbox


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

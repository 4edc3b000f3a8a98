"""How a card breaks an outbox, and what is left of it."""

import os
import uuid

import pytest

from edge.outbox.file import INSERT
from tests.edge.making import NOON, ids

NOON_S = NOON.timestamp()


def harm(path, pages=4):
    """Overwrite some pages in the middle."""
    content = bytearray(path.read_bytes())
    begin = len(content) // 8192 * 4096
    content[begin : begin + pages * 4096] = os.urandom(pages * 4096)
    path.write_bytes(content)


def wipe(path, moment):
    """Make the page empty on which a moment begins."""
    content = bytearray(path.read_bytes())
    begin = content.index(moment.to_json()) // 4096 * 4096
    content[begin : begin + 4096] = bytes(4096)
    path.write_bytes(content)


def fill(box, many):
    keep = {each.id: 3 if each.record else 1 for each in many}
    rows = [
        (n, uuid.UUID(each.id).bytes, each.to_json(), keep[each.id], each.start.timestamp(), None, None)
        for n, each in enumerate(many, start=1)
    ]
    box._file.write(lambda db: db.executemany(INSERT, rows))
    box.close()


def broken(box):
    """Let it find out that its file is broken."""
    box.after(0, 100_000)
    assert box.dropped["corrupt"] == 1
    return box


def mended(box, ticks=100):
    for _ in range(ticks):
        box.tick(None)
        if box.trouble is None:
            return ids(box.after(0, 10_000))
    pytest.fail(f"it is not mended: {box.trouble}")


def in_order(found, many):
    place = {each.id: n for n, each in enumerate(many)}
    return [place[each] for each in found] == sorted(place[each] for each in found)

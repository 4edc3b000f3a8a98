"""How much of an erased owner is left in the files of the hub."""

from pathlib import Path

from bench.table import Figure
from hub import tokens
from hub.forgetting import without_broker
from hub.query.filter import Filter
from hub.records.sounds import Sounds
from hub.stores.store import Letter, Report, Store
from moments import Models, Rule, Scene
from tests.hub.moments import make

MARK = "Zyzzogeton"


def figures(folder: Path, count: int) -> dict[str, Figure]:
    """Keep so many moments of an owner in which every text has a marker word, erase the owner, and look for it."""
    store = Store(folder / "hub.db")
    store.describe_device("pocket-1", name=MARK, owner=MARK)
    store.describe_device("pocket-2", name="another", owner="another")
    tokens.make(store, "theirs", tokens.Access("read", None, MARK))
    for _ in range(count // 500):
        marked = [
            make(
                scene=Scene(label=f"{MARK}-{n}", group=MARK, confidence=0.5),
                rule=Rule(id=MARK, because=f"{MARK} {n}"),
                models=Models(gate=MARK),
                said=f"{MARK} {n}",
            )
            for n in range(400)
        ]
        others = [make(device="pocket-2") for _ in range(100)]
        letter = Letter("moodscape/v1/pocket-1/moment", MARK, f"{MARK} {count}".encode())
        store.take([*marked, *others], [letter], [Report("pocket-1", "health", f'{{"said":"{MARK}"}}')])
        for moment in marked[:40]:
            store.write_note(moment.id, f"{MARK} was here")
    before = _bytes(folder)
    without_broker(store, Sounds(folder / "sounds")).matching(Filter(owner=MARK))
    left = _bytes(folder)
    store.close()
    assert before > 0
    return {
        "erased owner: bytes of a marker word before": Figure(before, "bytes"),
        "erased owner: bytes of a marker word after": Figure(left, "bytes", 0),
    }


def _bytes(folder: Path) -> int:
    files = (file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return sum(len(MARK) * (content.count(MARK.encode()) + content.count(MARK.lower().encode())) for content in files)

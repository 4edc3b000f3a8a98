"""The second version of the store: how it goes over to the next.

There search parted words at the marks that stand with their letters, what was said with a mark on the device stayed in
`moments.extra` for good, beside the note that it became, and what was said with a mark on the page in `commands`.
"""

import json
import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from hub.stores import unfinished, words
from hub.stores.beside import commands
from hub.stores.tables import moments, notes, scenes

_log = logging.getLogger(__name__)

_STEP: Final = 1000
_CUT: Final = 10_000
"""So many characters of what was said with a mark became the note."""


def leave(connection: Connection, make: Callable[[], None]) -> None:
    """Take a store of the second version to the third: its indexes of words are made anew, notes stand in one place."""
    make()
    _clear_extra(connection)
    _index(connection)
    _name_scenes(connection)
    _clear_commands(connection)


def _index(connection: Connection) -> None:
    words.forget_all(connection)
    done, n = 0, notes.c
    asked = select(n.seq, n.text).where(n.seq > bindparam("done")).order_by(n.seq).limit(_STEP)
    while found := connection.execute(asked, {"done": done}).all():
        for seq, said in found:
            words.take_up(connection, seq, said)
        done = found[-1].seq


def _name_scenes(connection: Connection) -> None:
    change = update(scenes).where(scenes.c.n == bindparam("this")).values(words=bindparam("found"))
    for n, key in connection.execute(select(scenes.c.n, scenes.c.key)).all():
        connection.execute(change, {"this": n, "found": words.of_scene(*json.loads(key))})


def _clear_extra(connection: Connection) -> None:
    """Take notes out of `extra`; one that stands cut beside its moment is made whole.

    One that does not stand there was taken away by the person, or a hub older than such notes never put it there.
    Nothing tells which, and what was taken away is not to come back.
    """
    m, done, gone = moments.c, 0, 0
    asked = select(m.seq, m.start_ms, m.extra, notes.c.text).outerjoin(notes, notes.c.seq == m.seq)
    asked = asked.where(m.extra.is_not(None), m.seq > bindparam("done")).order_by(m.seq).limit(_STEP)
    change = update(moments).where(m.seq == bindparam("this"), m.start_ms == bindparam("at"))
    change = change.values(extra=bindparam("left"))
    mend = update(notes).where(notes.c.seq == bindparam("this"))
    while found := connection.execute(asked, {"done": done}).all():
        changed = []
        for row in found:
            left = json.loads(row.extra)
            said = left.get("moment", {}).get("note")
            if not isinstance(said, str):
                continue
            changed.append({"this": row.seq, "at": row.start_ms, "left": _without_note(left)})
            whole = said.replace("\0", "")
            gone += bool(whole) and row.text is None
            if len(whole) > _CUT and row.text == whole[:_CUT]:
                connection.execute(mend.values(text=whole), {"this": row.seq})
        if changed:
            connection.execute(change, changed)
            unfinished.leave_bytes(connection, [row["at"] for row in changed])
        done = found[-1].seq
    if gone:
        why = "words said with a mark that stood beside no moment are gone: taken away, or never shown by an older hub"
        _log.warning(why, extra={"notes": gone})


def _without_note(extra: dict[str, Any]) -> bytes | None:
    del extra["moment"]["note"]
    left = {name: part for name, part in extra.items() if part}
    return json.dumps(left, ensure_ascii=False, separators=(",", ":")).encode() if left else None


def _clear_commands(connection: Connection) -> None:
    """Leave what a command was given to those that erase alone, which are sent again."""
    given = select(commands.c.id, commands.c.body).where(commands.c.body.like('%"note":%'))
    change = update(commands).where(commands.c.id == bindparam("this")).values(body=bindparam("left"))
    for name, body in connection.execute(given).all():
        order = json.loads(body)
        if order["do"] != "erase":
            left = json.dumps(order | {"args": {}}, separators=(",", ":"))
            connection.execute(change, {"this": name, "left": left})
            unfinished.leave_bytes(connection)

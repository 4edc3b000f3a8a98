"""What a person says of a moment: a note beside it, and an emotion in the place of the reading."""

from sqlalchemy import Connection, delete, insert, select, update

from hub.stores import leaving, rollups, rows, unfinished, words
from hub.stores.tables import moments, notes


def write_note(connection: Connection, moment_id: str, text: str) -> bool:
    """Put words beside a moment; "" takes them away. False: there is no such moment."""
    seq = connection.execute(select(moments.c.seq).where(moments.c.id == rows.key(moment_id))).scalar()
    if seq is None:
        return False
    text = text.replace("\0", "")  # PostgreSQL takes none
    before = connection.execute(select(notes.c.text).where(notes.c.seq == seq)).scalar()
    if text == before:
        return True
    if before is not None:
        words.let_go(connection, seq, before)
        connection.execute(delete(notes).where(notes.c.seq == seq))
        unfinished.leave_bytes(connection, noted=True)
    if text:
        connection.execute(insert(notes).values(seq=seq, text=text))
        words.take_up(connection, seq, text)
    return True


def correct(connection: Connection, moment_id: str, emotion: str | None) -> bool:
    """Put an emotion beside the reading; None takes it away. False: there is no such moment."""
    this = moments.c.id == rows.key(moment_id)
    asked = select(*rollups.ROLLED).where(this)
    before = connection.execute(asked).all()
    leaving.note(connection, connection.execute(select(moments).where(this)))
    connection.execute(update(moments).where(this).values(correction=emotion))
    rollups.shift(connection, before, -1)
    rollups.shift(connection, connection.execute(asked).all(), 1)
    return bool(before)

"""Lets go what waits until the device knows the time: on the disk, and in the memory that holds what no disk took."""

from collections.abc import Callable
from dataclasses import replace

from edge.clock import Reading
from edge.outbox.file import OutboxFile
from edge.outbox.row import Row, stamped


def settle(file: OutboxFile, memory: dict[str, Row], time_at: Callable[[float], Reading], boot: str) -> int:
    """Stamp what was heard in this boot, by its seconds since then; give the number."""
    waiting = file.read("SELECT * FROM outbox WHERE heard IS NOT NULL AND boot = ?", (boot,))
    rows = [stamped(row, time_at(row.heard or 0.0)) for row in waiting]
    columns = [(row.body, row.born, row.seq) for row in rows]
    sql = "UPDATE outbox SET body = ?, born = ?, heard = NULL, boot = NULL WHERE seq = ?"
    done = file.write(lambda db: db.executemany(sql, columns).rowcount if columns else 0)
    held = {
        row.id: stamped(row, time_at(row.heard))
        for row in memory.values()
        if row.heard is not None and row.boot == boot
    }
    memory |= held
    return (done or 0) + len(held)


def release(file: OutboxFile, memory: dict[str, Row], boot: str, heard_before: float) -> int:
    """Let go without a time what was heard in another boot, or before so many seconds of this; give the number."""
    sql = "UPDATE outbox SET heard = NULL, boot = NULL WHERE heard IS NOT NULL AND (boot <> ? OR heard < ?)"
    done = file.write(lambda db: db.execute(sql, (boot, heard_before)).rowcount) or 0
    held = {
        row.id: replace(row, heard=None, boot=None)
        for row in memory.values()
        if row.heard is not None and (row.boot != boot or row.heard < heard_before)
    }
    memory |= held
    return done + len(held)

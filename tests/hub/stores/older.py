"""A store as the first version left it."""

import sqlite3
import zlib
from pathlib import Path

from hub.stores import rows, version1
from moments import Moment
from tests.hub.moments import make
from tests.hub.stores.test_sqlite import FIRST


def older_store(path: Path, number: int) -> list[Moment]:
    """Make one with so many moments, and give them."""
    held = [make() for _ in range(number)]
    with sqlite3.connect(path) as file:
        file.executescript(FIRST)
        for seq, moment in enumerate(held, 1):
            deflate = zlib.compressobj(6, zlib.DEFLATED, version1._WBITS, 5, 0, version1._DICTIONARY)
            body = deflate.compress(moment.to_json()[len('{"schema":1,"id":"') + 36 :]) + deflate.flush()
            values = (seq, rows.key(moment.id), 0, 0, 0, moment.device, "", "", None, None, body)
            file.execute("INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    file.close()
    return held

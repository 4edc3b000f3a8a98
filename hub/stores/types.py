"""Types of columns that mean the same in SQLite and PostgreSQL."""

from typing import Any, Final

from sqlalchemy import BigInteger, Float, Integer, LargeBinary, SmallInteger
from sqlalchemy.types import TypeDecorator

from moments import EMOTIONS, UNCLEAR

Number: Final = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; in SQLite the name that makes a primary key the row's own number."""

Real: Final = Float(53)
"""A double, so that what comes back is what was stored."""


class Coded(TypeDecorator[str]):
    """A word of a fixed list, kept as its place in the list. Part of the file format: lists only grow at their end."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, _dialect: Any) -> int | None:
        """Give the place of a word."""
        return None if value is None else self.words.index(value)

    def process_result_value(self, value: int | None, _dialect: Any) -> str | None:
        """Give the word at a place."""
        return None if value is None else self.words[value]


class Hex(TypeDecorator[str]):
    """Hexadecimal text, kept as its bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> bytes | None:
        """Give the bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, _dialect: Any) -> str | None:
        """Give the text."""
        return None if value is None else bytes(value).hex()


CLOCKS: Final = ("synced", "gps", "free")
ORIGINS: Final = ("ambient", "mark", "upload", "note")
BASES: Final = ("speech", "scene", "none")
FELT: Final = (*EMOTIONS, UNCLEAR)

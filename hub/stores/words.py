"""The words of notes: an index that finds words by how they begin, the same in both stores.

Words are taken apart here, and the store only looks them up: FTS5 without content in SQLite, a `tsvector` with a GIN
index in PostgreSQL.
"""

from typing import Any, Final
from unicodedata import category, normalize

from sqlalchemy import Connection, FromClause, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

INDEX: Final = {
    "sqlite": ("CREATE VIRTUAL TABLE IF NOT EXISTS note_words USING fts5(words, content='', tokenize='ascii')",),
    "postgresql": (
        "CREATE TABLE IF NOT EXISTS note_words (seq BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX IF NOT EXISTS note_words_words ON note_words USING gin (words)",
    ),
}
_LONGEST: Final = 200  # characters of a word; no search asks for more


def words(text: str) -> list[str]:
    """Give the words of a text as search knows them: runs of letters and digits, composed, in lower case.

    A run goes on over the marks that stand with its letters, as the vowel signs of Hindi or Thai.
    """
    lower = text.lower().replace("i\u0307", "i")  # what lower() makes of the capital I with a dot
    found, inside = [], False
    for sign in normalize("NFC", lower):
        inside = sign.isalnum() or (inside and _goes_with_letters(sign))
        found.append(sign if inside else " ")
    return "".join(found).split()


def _goes_with_letters(sign: str) -> bool:
    """Tell whether a sign is a mark, and none that only chooses how the one before is drawn."""
    return category(sign).startswith("M") and not ("\ufe00" <= sign <= "\ufe0f" or sign >= "\U000e0100")


def of_scene(label: str, group: str) -> str:
    """Give the words of a scene's label and group, each after a blank."""
    return "".join(f" {word}" for word in words(f"{label} {group}"))


def _spoken(text: str) -> list[str]:
    return sorted({word[:_LONGEST] for word in words(text)})


def take_up(connection: Connection, seq: int, text: str) -> None:
    """Index a note."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO note_words(rowid, words) VALUES (?, ?)", (seq, " ".join(_spoken(text))))
    else:
        connection.exec_driver_sql(
            "INSERT INTO note_words VALUES (%s, array_to_tsvector(%s::text[]))", (seq, _spoken(text))
        )


def let_go(connection: Connection, seq: int, text: str) -> None:
    """Take a note out of the index: `text` is what it said."""
    if connection.dialect.name == "sqlite":
        gone = (seq, " ".join(_spoken(text)))
        connection.exec_driver_sql("INSERT INTO note_words(note_words, rowid, words) VALUES ('delete', ?, ?)", gone)
    else:
        connection.exec_driver_sql("DELETE FROM note_words WHERE seq = %s", (seq,))


def forget_all(connection: Connection) -> None:
    """Take every note out of the index, whatever it was indexed by."""
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql(
        "INSERT INTO note_words(note_words) VALUES ('delete-all')" if sqlite else "DELETE FROM note_words"
    )


def squeeze(connection: Connection) -> None:
    """Take what was let go out of the index's own files: FTS5 only marks it until its segments are merged."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO note_words(note_words) VALUES ('optimize')")


class _Noted(FunctionElement[Any]):
    inherit_cache = True


@compiles(_Noted, "sqlite")
def _fts5(element: Any, compiler: Any, **kw: Any) -> str:
    first, _ = element.clauses
    return f"(SELECT rowid FROM note_words WHERE note_words MATCH {compiler.process(first, **kw)})"  # noqa: S608 - a mark


@compiles(_Noted, "postgresql")
def _tsquery(element: Any, compiler: Any, **kw: Any) -> str:
    _, second = element.clauses
    return f"(SELECT seq FROM note_words WHERE words @@ CAST({compiler.process(second, **kw)} AS tsquery))"  # noqa: S608 - a mark


def noted(word: str) -> FromClause | Any:
    """Give SQL for the seqs of notes with a word that begins with `word`, one of `words`."""
    return _Noted(literal(f'"{word[:_LONGEST]}"*'), literal(f"'{word[:_LONGEST]}':*"))

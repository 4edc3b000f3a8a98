"""What SQLAlchemy Core leaves to us: putting a row in or over, many rows fast, and what one IN can hold."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_MARKS: Final = {"sqlite": "?", "postgresql": "%s"}
_IN_ONE: Final = 500

_Item = TypeVar("_Item")


def stretches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Give items in stretches, each as many as stand in one IN."""
    for at in range(0, len(items), _IN_ONE):
        yield items[at : at + _IN_ONE]


def upsert(connection: Connection, table: Table) -> Any:
    """Give an INSERT with `on_conflict_do_nothing` and `on_conflict_do_update` for the connection's dialect."""
    return _INSERTS[connection.dialect.name](table)


def put_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], otherwise: str = ""
) -> None:
    """Insert rows, past SQLAlchemy's own handling of parameters, which would take as long as the store does.

    `otherwise` is the ON CONFLICT clause.
    """
    if rows:
        marks = ", ".join([_MARKS[connection.dialect.name]] * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {otherwise}"  # noqa: S608 - names of ours
        connection.exec_driver_sql(statement, list(rows))

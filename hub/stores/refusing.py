"""What a store refuses of what it is given, told from a store that cannot be written at this time."""

from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

_LIMIT: Final = "54"
"""PostgreSQL's class of errors for what is too large, as for an index; psycopg calls them those of its operation."""


def refuses(error: DBAPIError) -> bool:
    """Tell whether the store refused what it was given, and would again however long one waits."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, DataError | IntegrityError) or state.startswith(_LIMIT)

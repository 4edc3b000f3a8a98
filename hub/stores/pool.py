"""How databases are asked: how many connections are kept open between questions, and what errors tell of them."""

from typing import Any, Final

KEPT_CONNECTIONS: Final = 8

POOL: Final[dict[str, Any]] = {
    "pool_size": KEPT_CONNECTIONS,
    "max_overflow": 56,
    "pool_use_lifo": True,
    "hide_parameters": True,
}
"""The connection that came back last is taken first: its cache is warm, and those that are spare have none. Values,
which may be a person's words, do not stand in errors, which go into the log.
"""

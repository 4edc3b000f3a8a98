"""How many connections to a database are kept open between questions."""

from typing import Any, Final

KEPT_CONNECTIONS: Final = 8

POOL: Final[dict[str, Any]] = {"pool_size": KEPT_CONNECTIONS, "max_overflow": 56, "pool_use_lifo": True}
"""The connection that came back last is taken first: its cache is warm, and those that are spare have none."""

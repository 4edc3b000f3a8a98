"""Every table of the store: importing this module fills `METADATA`."""

from hub.stores import beside  # noqa: F401 - declares tables
from hub.stores.tables import METADATA

__all__ = ["METADATA"]

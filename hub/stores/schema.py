"""Every table of the store: importing this module fills `METADATA`."""

from hub.stores import beside, enrolments, unfinished  # noqa: F401 - declare tables
from hub.stores.tables import METADATA

__all__ = ["METADATA"]

"""The time that an order to erase means.

Without days that is of instants alone. A day is the wearer's: what was heard is of it by the offset that it carries
itself, wherever the device was before and since. Only what tells no offset, or no time that is known, goes by the
instants, which the hub chose for the device as a whole.
"""

import json
from datetime import timedelta
from typing import Final, NamedTuple

_FURTHEST: Final = timedelta(days=1)
"""No offset from UTC is as large, on either side."""


class Days(NamedTuple):
    """Wall-clock days: from where `first` begins to where `last` begins, in seconds as if the wall clock were UTC.

    None is no day: the instant there holds. `until`: Unix seconds from which nothing is meant, though its day is.
    """

    first: float | None
    last: float | None
    until: float


class Span(NamedTuple):
    """All that began in [low, high), in Unix seconds, or by the wall clock on these days."""

    low: float
    high: float
    days: Days | None = None

    def at(self, offset: timedelta | None) -> tuple[float, float]:
        """Give it as [low, high), in Unix seconds, for where that is the offset from UTC; None: not known."""
        if self.days is None or offset is None:
            return self.low, self.high
        first, last, until = self.days
        by = offset.total_seconds()
        return self.low if first is None else first - by, self.high if last is None else min(last - by, until)

    def holds(self, at: float, offset: timedelta | None) -> bool:
        """Tell whether something began in it: when, in Unix seconds, and at which offset, if that is known."""
        low, high = self.at(offset)
        return low <= at < high

    @property
    def everywhere(self) -> tuple[float, float]:
        """What is of it at every offset; its end may lie before its begin."""
        return self.at(-_FURTHEST)[0], self.at(_FURTHEST)[1]

    @property
    def somewhere(self) -> tuple[float, float]:
        """Beyond this nothing is of it, at any offset."""
        return self.at(_FURTHEST)[0], self.at(-_FURTHEST)[1]

    def written(self) -> bytes:
        """Write it down."""
        return json.dumps(self).encode()


def read(written: bytes) -> Span | None:
    """Read what `written` gave; None where a card has changed it."""
    try:
        low, high, days = json.loads(written)
        span = Span(float(low), float(high), Days(*days))
        span.somewhere  # noqa: B018 (whether its days are numbers)
    except (ValueError, TypeError):
        return None
    return span

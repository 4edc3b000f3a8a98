"""Where sound comes from: a microphone, a recording, a pipe."""

from collections.abc import Iterator
from typing import Protocol

from edge.sound import Block


class Source(Protocol):
    """Gives blocks of 16 kHz mono sound until it ends or is closed."""

    def blocks(self) -> Iterator[Block]:
        """Give the sound in order, without overlap. A jump in `Block.at` says that sound was lost."""

    def close(self) -> None:
        """End it, from any thread: `blocks` stops. A second call does nothing."""

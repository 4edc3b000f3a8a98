"""What a verb was called with: its settings, and the store that they name."""

import argparse
import os
from pathlib import Path
from typing import Any


def settings_of(args: argparse.Namespace) -> Any:
    """Read the settings that a verb was called with. Raises UserError."""
    from hub.config import load

    return load(args.config, args.set)


def store_of(args: argparse.Namespace, *, there: bool = True) -> Any:
    """Open the store that the settings name, which must be there already or not. Raises UserError."""
    from hub.stores.store import Store
    from moments.errors import UserError

    place = settings_of(args).store.place
    if there and isinstance(place, Path) and not os.path.exists(place):  # noqa: PTH110 (Path's raises for what may not be looked at)
        raise UserError(f"there is no store at {place}; say where with --set store.path=FILE")
    return Store(place)

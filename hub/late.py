"""Erases what came too late to be erased with the rest: sent by a device before it heard that it was to erase it."""

from datetime import UTC, datetime

from hub.forgetting import Forgetting


def erase_late(forgetting: Forgetting, device: str, span: dict[str, str], told_ms: int) -> int:
    """Erase what a device has here of a span that it was told to erase at a Unix time in ms; gives how many moments.

    What began after that was not meant, however long the device was away. What tells no time is meant when it came
    since then.
    """
    told = datetime.fromtimestamp(told_ms / 1000, UTC)
    begin = datetime.fromisoformat(span["from"]) if "from" in span else None
    end = min(datetime.fromisoformat(span["to"]), told) if "to" in span else told
    return 0 if begin is not None and begin >= end else forgetting.of_device(device, begin, end, told_ms)

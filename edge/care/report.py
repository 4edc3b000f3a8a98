"""What the device tells of itself in `health`: all of it numbers and states, no sound, no place, no secret."""

from importlib import metadata
from typing import TYPE_CHECKING, Any

from edge.outbox.queue import POLICY

if TYPE_CHECKING:
    from edge.daemon import Device


def report(device: "Device") -> dict[str, Any]:
    """Give the payload; `level_dbfs` is that of what was heard since the last one."""
    now = device.clock.now()
    return {
        "at": now.start.isoformat(timespec="milliseconds"),
        "capture": _capture(device),
        "level_dbfs": device.listener.take_level(),
        "outbox": {
            "depth": device.outbox.depth,
            "oldest_s": device.outbox.oldest_age_s(now.start.timestamp()),
            "in_memory": device.outbox.held_in_memory,
            "unanswered": device.publisher.unanswered,
            "trouble": device.outbox.trouble,
            "used_mb": round(device.outbox.used_mb, 1),
            "max_mb": device.config.outbox.max_mb,
            "policy": POLICY,
        },
        "dropped": dict(device.outbox.dropped),
        "clips": _clips(device),
        "publish": dict(device.publisher.counts) | {"trouble": device.publisher.trouble},
        "clock": now.clock,
        "place": {"state": device.places.state, "age_s": device.places.age_s},
        "config_version": device.owner.version,
        "version": metadata.version("moodscape"),
        "models": device.listener.models,
        **device.machine.look(device.config.outbox_path.parent),
    }


def _capture(device: "Device") -> dict[str, Any]:
    """Give state and reason: why it is paused, or what is wrong with the microphone."""
    why = device.pauses.why(device.clock.known_now())
    if why is not None:
        return {"state": "paused", "reason": why}
    return {"state": device.state, "reason": None, **device.listener.ears_health()}


def _clips(device: "Device") -> dict[str, Any]:
    shelf, uploader = device.shelf, device.uploader
    return {
        "on": device.span().clips,
        "waiting": len(shelf.all()),
        "used_mb": round(shelf.used_bytes / 1e6, 1),
        "sent": uploader.sent if uploader else 0,
        "dropped": dict(shelf.dropped),
        "trouble": shelf.trouble or (uploader.trouble if uploader else None),
    }

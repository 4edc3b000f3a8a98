"""Tells a moment from what is none, and says why."""

import json
from typing import Any

from pydantic import ValidationError

from hub.stores.store import Letter, Report
from moments import Moment
from moments.moment import SCHEMA, is_json
from moments.topics import parse

_LONGEST_ID = 64
"""Room for a UUID in every form that is read as one."""


def moment(topic: str, payload: bytes) -> Moment | Letter:
    """Read the payload of a `moment` topic."""
    try:
        device = parse(topic).device
        found = Moment.from_json(payload)
    except ValidationError as error:
        return Letter(topic, _reason(payload, error), payload)
    except ValueError as error:  # the topic
        return Letter(topic, str(error), payload)
    if found.device != device:
        return Letter(topic, f"device is {found.device}, but the topic belongs to {device}", payload)
    return found


def report(topic: str, payload: bytes) -> Report | Letter:
    """Read the payload of a `status` or `health` topic: a JSON object."""
    try:
        device, kind = parse(topic)
    except ValueError as error:
        return Letter(topic, str(error), payload)
    said = _loads(payload)
    if not isinstance(said, dict):
        return Letter(topic, f"{kind} is not a JSON object", payload)
    if not is_json(said):
        return Letter(topic, f"{kind} holds a number or a text that JSON cannot tell", payload)
    return Report(device, kind, json.dumps(said, ensure_ascii=True, separators=(",", ":")))


def readable_id(payload: bytes) -> str | None:
    """Give the id that a payload names, also when nothing else in it is right, so that it can be answered.

    What no outbox of a device would call an id is none: answers go out many together, and are to stay short.
    """
    said = _loads(payload)
    found = said.get("id") if isinstance(said, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID:
        return None
    return found if found.isascii() and found.isprintable() else None


def _loads(payload: bytes) -> Any:
    try:
        return json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested without end
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _reason(payload: bytes, error: ValidationError) -> str:
    said = _loads(payload)
    schema = said.get("schema") if isinstance(said, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        return f"schema {schema} is newer than {SCHEMA}, which this hub speaks"
    wrong = [f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}" for one in error.errors()[:5]]
    return "; ".join(wrong)[:1000]

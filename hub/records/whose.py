"""Whose device something is kept for, and the devices that stand for what was uploaded."""

import hashlib
import re
from typing import Final

from sqlalchemy import Connection, select, update

from hub.query.filter import Filter
from hub.query.sql import whose_id
from hub.stores.store import Store
from hub.stores.tables import devices

UPLOADS: Final = "upload"
"""The device that stands for what was uploaded: `upload` for the devices of nobody, `upload-HASH` for an owner's."""

_UPLOADS_OF: Final = re.compile(f"{UPLOADS}(-[0-9a-f]{{8}})?")


class OfAnother(Exception):  # noqa: N818
    """A device belongs to another owner than a token, or to none."""


def upload_device(owner: str | None) -> str:
    """Name the device that stands for an owner's uploads."""
    return f"{UPLOADS}-{hashlib.sha256(owner.encode()).hexdigest()[:8]}" if owner else UPLOADS


def stands_for_uploads(device: str) -> bool:
    """Tell whether a name is one that `upload_device` gives."""
    return _UPLOADS_OF.fullmatch(device) is not None


def sees(connection: Connection, device: str, seen: Filter) -> bool:
    """Tell whether `seen` means a device."""
    asked = select(devices.c.id).where(devices.c.id == device, *whose_id(seen, devices.c.id))
    return connection.execute(asked).first() is not None


def own_device(store: Store, seen: Filter) -> str:
    """Name the device that what a token gives is kept for: its own, or the one for its owner's uploads.

    The store knows it then, a new one as the owner's. Raises OfAnother.
    """
    if seen.only_device is not None:
        device = _know_device(store, seen.only_device, seen.only_owner)
    else:
        device = _know_upload_device(store, seen.only_owner)
    with store.reading() as connection:
        if not sees(connection, device, seen):
            raise OfAnother(
                f"The device {device} is not {seen.only_owner}'s, so nothing was kept: an admin says whose it is."
            )
    return device


def _know_upload_device(store: Store, owner: str | None) -> str:
    """Name it, and see to it that the store knows whose it is."""
    device = _know_device(store, upload_device(owner), owner)
    if owner is not None:
        unowned = (devices.c.id == device) & devices.c.owner.is_(None)  # the owner was erased, and is back
        with store.reading() as connection:
            ownerless = connection.execute(select(devices.c.id).where(unowned)).first() is not None
        if ownerless:
            with store.writing() as connection:
                connection.execute(update(devices).where(unowned).values(owner=owner))
    return device


def _know_device(store: Store, device: str, owner: str | None) -> str:
    """See to it that the store knows a device, a new one as this owner's; gives its name."""
    with store.reading() as connection:
        known = connection.execute(select(devices.c.id).where(devices.c.id == device)).first()
    if known is None:
        store.describe_device(device, name=None, owner=owner)
    return device

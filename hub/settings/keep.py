"""Keeps what owners set, and says what each of their devices is told."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from hub.settings import rules
from hub.settings.shapes import Settings
from hub.stores.beside import settings as table
from hub.stores.store import Store
from hub.stores.tables import devices


@dataclass(frozen=True, slots=True)
class Kept:
    """What one owner has set; `rules` is the own table as YAML, None for the one that ships."""

    version: int = 0
    settings: Settings = field(default_factory=Settings)
    rules: str | None = None

    def shown(self) -> dict[str, Any]:
        """Give the settings as the API shows them."""
        return {"version": self.version} | self.settings.model_dump(by_alias=True, mode="json")

    def config(self) -> dict[str, Any]:
        """Give what is published to a device."""
        body = self.settings.model_dump(by_alias=True, mode="json", include={"zones", "schedule", "clips"})
        own = rules.own(self.rules)
        return {"version": self.version, "rules": None if own is None else rules.document(own)} | body


def read(connection: Connection, owner: str) -> Kept:
    """Give what an owner has set."""
    row = connection.execute(select(table).where(table.c.owner == owner)).first()
    return Kept(row.version, Settings.model_validate_json(row.body), row.rules) if row else Kept()


def write(store: Store, owner: str, **changed: Any) -> Kept:
    """Set `settings`, `rules` or both; gives what is set then."""
    with store.writing() as connection:
        before = read(connection, owner)
        kept = Kept(before.version + 1, changed.get("settings", before.settings), changed.get("rules", before.rules))
        body = json.dumps(kept.settings.model_dump(by_alias=True, mode="json"), ensure_ascii=True)
        values = {"version": kept.version, "body": body, "rules": kept.rules}
        if before.version:
            connection.execute(update(table).where(table.c.owner == owner).values(values))
        else:
            connection.execute(insert(table).values(owner=owner, **values))
    return kept


def configs(store: Store, *, owner: str | None = None, device: str | None = None) -> dict[str, dict[str, Any]]:
    """Give what each device is told, by device: of all, of one owner's, or of one device."""
    whose = func.coalesce(devices.c.owner, "")
    asked = select(devices.c.id, whose.label("whose"))
    if owner is not None:
        asked = asked.where(whose == owner)
    if device is not None:
        asked = asked.where(devices.c.id == device)
    with store.reading() as connection:
        found = connection.execute(asked).all()
        kept = {whose: read(connection, whose).config() for whose in {row.whose for row in found}}
    return {row.id: kept[row.whose] for row in found}

"""Tokens: 256 random bits that a person or program shows at the door; the store keeps only their hash."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import delete, insert, select

from hub.stores.store import Store, now_ms
from hub.stores.tables import tokens

Scope = Literal["upload", "read", "write", "admin"]

_SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")
"""Each may do what those before it may."""

_PREFIX: Final = "mood_"


@dataclass(frozen=True, slots=True)
class Access:
    """What a call may do, and whose moments it sees (None: all)."""

    scope: Scope
    device: str | None = None
    owner: str | None = None

    def may(self, needed: Scope) -> bool:
        """Tell whether the scope is enough; `upload`, a device's, is for sending clips and nothing else."""
        if "upload" in {self.scope, needed}:
            return self.scope == needed or (needed == "upload" and self.scope != "read")
        return _SCOPES.index(self.scope) >= _SCOPES.index(needed)

    @property
    def sees_all(self) -> bool:
        """Tell whether no device and no owner is out of its sight."""
        return self.device is None and self.owner is None


EVERYTHING: Final = Access("admin")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def make(store: Store, name: str, access: Access) -> str:
    """Make a token and give it, the only time that it is seen."""
    token = _PREFIX + secrets.token_urlsafe(32)
    values = {"scope": access.scope, "device": access.device, "owner": access.owner}
    with store.writing() as connection:
        connection.execute(insert(tokens).values(digest=_digest(token), name=name, made_ms=now_ms(), **values))
    return token


def look_up(store: Store, token: str) -> Access | None:
    """Give what a token may do, or None when it is not known."""
    asked = select(tokens.c.scope, tokens.c.device, tokens.c.owner).where(tokens.c.digest == _digest(token))
    with store.reading() as connection:
        row = connection.execute(asked).first()
    return Access(row.scope, row.device, row.owner) if row else None


def listed(store: Store) -> list[dict[str, Any]]:
    """Give all tokens without what they are."""
    t = tokens.c
    with store.reading() as connection:
        rows = connection.execute(select(t.n, t.name, t.scope, t.device, t.owner, t.made_ms).order_by(t.n)).all()
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def revoke_of_device(store: Store, device: str) -> bool:
    """End a device's tokens; False when there are none."""
    with store.writing() as connection:
        return connection.execute(delete(tokens).where(tokens.c.device == device)).rowcount > 0


def revoke(store: Store, n: int) -> bool:
    """End a token; False when there is none with this number."""
    with store.writing() as connection:
        return connection.execute(delete(tokens).where(tokens.c.n == n)).rowcount > 0

"""What tests of erasing share: who is told of it, and sounds that are kept."""

import sqlite3

from sqlalchemy.exc import OperationalError

from hub.query.filter import parse
from hub.records import clips
from tests.hub.moments import clip

OTHER, THIRD = (clip().model_copy(update={"sha256": two * 32}) for two in ("cd", "ef"))


class Wire:
    def __init__(self):
        self.sent = []
        self.there = True

    def __call__(self, device, kind, body, *, retain=False, expires_s=None):  # noqa: ARG002
        if self.there:
            self.sent.append((device, kind, body))
        return self.there

    def orders(self):
        return [(device, body["args"]) for device, kind, body in self.sent if kind == "command"]


def filtered(**query):
    return parse(query.items())[0]


def keep(store, sounds, device, sound=None, record=None, moment=None):
    sha256 = (sound or clip()).sha256
    with sounds.open(device) as file:
        file.write(b"marker-sound")
    clips.keep(store, sounds, clips.Sent(sha256, device, record, 4.2, "audio/flac", moment), device)
    return sounds.path(sha256)


def locked(*_args, **_kwargs):
    raise OperationalError("", None, sqlite3.OperationalError("database is locked"))

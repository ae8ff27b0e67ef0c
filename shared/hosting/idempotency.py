"""``Idempotency-Key``: a repeat answers as the first did, whatever crashed in between.

A success is recorded by the append itself: the key is one of its unique keys, and holds what is
needed to rebuild the answer from the log. So there is no moment at which the events are in and the
key is not. An answer that appended nothing (a refusal, nothing new) is kept whole.
"""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

import msgspec

from shared.eventlog.model import UniqueKey

HEADER: Final = "Idempotency-Key"
SCOPE: Final = "idempotency"


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is on disk for a key: of a success ``event`` and ``about``, of all else the answer."""

    hash: str
    code: int
    event: UUID | None = None
    about: str | None = None
    body: str | None = None
    position: int | None = None
    version: int | None = None


class Once:
    """A key in use by one request: of whom, for what, and whether the append took it along."""

    def __init__(self, name: str, fingerprint: str, code: int) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.code = code
        self.taken_along = False

    def key(self, event: UUID, about: str, code: int | None = None) -> UniqueKey:
        """The unique key for the append whose last event is ``event``."""
        self.taken_along = True
        kept = Kept(hash=self.fingerprint, code=code or self.code, event=event, about=about)
        return UniqueKey(SCOPE, self.name, msgspec.json.encode(kept).decode())


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same: the route and the exact body."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()

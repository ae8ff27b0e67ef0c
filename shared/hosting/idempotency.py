"""``Idempotency-Key``: a repeat answers as the first did, whatever crashed in between.

A success is recorded by the append itself: the key is one of its unique keys, and holds what is
needed to rebuild the answer from the log. So there is no moment at which the events are in and the
key is not. An answer that appended nothing (a refusal, nothing new) is kept whole. Answers of 5xx
are not kept, nor 429, which says nothing about the next try.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from shared.eventlog.model import KeyTaken, UniqueKey
from shared.eventlog.port import LogStore
from shared.hosting.answers import Answer
from shared.hosting.principal import Principal
from shared.hosting.problems import ProblemRaised, wrong_field
from shared.hosting.turns import Turns

HEADER: Final = "Idempotency-Key"
SCOPE: Final = "idempotency"
TOO_MANY: Final = 429
"""Not kept, like 5xx: the command was not taken on at all."""
KEY_PATTERN: Final = r"[\x21-\x7e]{1,255}"
KEPT_FOR: Final = timedelta(days=8)
"""Longer than the seven days that are promised, so that no clock's error breaks the promise."""

_KEY: Final = re.compile(KEY_PATTERN)


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is on disk for a key: of a success ``event`` and ``about``, of all else the answer."""

    hash: str
    code: int
    event: UUID | None = None
    about: str | None = None
    body: str = ""
    position: int | None = None
    version: int | None = None


class Once:
    """A key in use by one request: whose it is, for what, and whether an append took it along."""

    def __init__(self, name: str, fingerprint: str, code: int) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.code = code
        self.taken_along = False

    def key(self, event: UUID, about: str, code: int | None = None) -> UniqueKey:
        """The unique key for the append whose last event is ``event``."""
        self.taken_along = True
        return self.unique_key(
            Kept(hash=self.fingerprint, code=code or self.code, event=event, about=about)
        )

    def unique_key(self, kept: Kept) -> UniqueKey:
        return UniqueKey(SCOPE, self.name, msgspec.json.encode(kept).decode())


Rebuilt = Callable[[str, int, int], Awaitable[Answer]]
"""(about, position, code) → the answer that the append ending at ``position`` was given."""


class Idempotency:
    """Runs a request once for its key; every later one gets the same answer.

    Within this process requests of one key take turns; between processes the log decides, since
    only one append can take the key.
    """

    def __init__(self, store: LogStore, rebuilt: Rebuilt) -> None:
        self._store = store
        self._rebuilt = rebuilt
        self._turns = Turns()

    async def run(self, once: Once, execute: Callable[[], Awaitable[Answer]]) -> Answer:
        """Raises ProblemRaised (422) for a key that was used for another request, LogUnavailable.

        ``execute`` puts ``once.key(…)`` into its append, and lets the KeyTaken of it through.
        """
        await self._turns.take(once.name)
        try:
            if (value := await self._taken(once)) is not None:
                return await self._repeat(once, value)
            try:
                answer = await execute()
            except KeyTaken as error:
                if (error.taken.scope, error.taken.key) != (SCOPE, once.name):
                    raise
                return await self._repeat(once, error.taken.value)
            if answer.recorded and not once.taken_along:
                raise RuntimeError("the append did not take its Idempotency-Key along")
            if answer.recorded or answer.code >= 500 or answer.code == TOO_MANY:
                return answer
            return await self._keep(once, answer)
        finally:
            self._turns.give_back(once.name)

    async def forget(self, now: datetime) -> int:
        """Frees the keys that nobody is promised any more; how many."""
        return await self._store.forget(SCOPE, now - KEPT_FOR)

    async def _keep(self, once: Once, answer: Answer) -> Answer:
        kept = Kept(
            hash=once.fingerprint,
            code=answer.code,
            body=answer.body.decode(),
            position=answer.position,
            version=answer.version,
        )
        await self._store.keep([once.unique_key(kept)])
        # Another process may have been first; then its answer is the answer.
        value = await self._taken(once)
        return answer if value is None else await self._repeat(once, value)

    async def _taken(self, once: Once) -> str | None:
        return (await self._store.taken(SCOPE, [once.name])).get(once.name)

    async def _repeat(self, once: Once, value: str) -> Answer:
        kept = msgspec.json.decode(value, type=Kept)
        if kept.hash != once.fingerprint:
            raise ProblemRaised(wrong_field(HEADER, "was used for another request before"))
        if kept.event is None or kept.about is None:
            return Answer(kept.code, kept.body.encode(), kept.position, kept.version)
        row = (await self._store.find([kept.event]))[kept.event]
        return await self._rebuilt(kept.about, row.position, kept.code)


def once_for(
    key: str | None, principal: Principal, method: str, path: str, body: bytes, code: int
) -> Once | None:
    """A request's key, each principal's apart from all others'. Raises ProblemRaised (422)."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise ProblemRaised(wrong_field(HEADER, "must be 1 to 255 visible ASCII characters"))
    request = b"\0".join((method.encode(), path.encode(), body))
    # No key holds a space, so what is before the last one is the principal.
    return Once(f"{principal.actor} {key}", hashlib.sha256(request).hexdigest(), code)

"""Messages that could not be processed: kept with the reason, never in the way of the next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, Protocol
from uuid import UUID

from msgspec import Struct

State = Literal["open", "retried", "discarded"]

REASON_CHARS_MAX: Final = 2_000
PAGE_MAX: Final = 200


class Rejected(Struct, frozen=True, kw_only=True):
    """A message that cannot be processed, exactly as it came.

    ``route`` is the subject it was published on, or the HTTP route; ``rule`` names the kind of
    fault for programs, ``reason`` says it for people and repeats no content.
    """

    route: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reason: str
    rule: str

    @property
    def digest(self) -> bytes:
        """The same for the same message only."""
        hashed = sha256()
        for part in (self.route, *(text for header in self.headers for text in header)):
            text = part.encode(errors="surrogatepass")
            hashed.update(b"%d:" % len(text) + text)
        hashed.update(self.body)
        return hashed.digest()


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A rejected message that is kept.

    ``times`` counts how often the very same message came; ``received_at`` is the first time.
    ``note`` says why it was discarded, or what became of it when it was tried again.
    """

    id: UUID
    received_at: datetime
    route: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reason: str
    rule: str
    state: State
    times: int
    note: str | None = None


class DeadLettersUnavailable(Exception):
    """They cannot be kept or read now."""


class DeadLetters(Protocol):
    """Where they are kept. Everything raises DeadLettersUnavailable."""

    async def keep(self, rejected: Rejected) -> DeadLetter:
        """Keeps a message once, however often it comes; one that was tried again is open again."""

    async def page(
        self, *, after: UUID | None = None, state: State | None = None, limit: int = PAGE_MAX
    ) -> Sequence[DeadLetter]:
        """Those that follow ``after``, oldest first, at most ``PAGE_MAX``."""

    async def find(self, letter: UUID) -> DeadLetter | None: ...

    async def settle(self, letter: UUID, state: State, note: str) -> DeadLetter | None:
        """Sets its state, and says why. None if there is no such letter."""

    async def open_count(self) -> int: ...

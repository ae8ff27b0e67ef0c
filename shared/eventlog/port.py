"""The seam between the log's logic and where its rows live. PostgreSQL and memory implement it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.eventlog.model import LogHead, Received, Row, UniqueKey


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are committed together, made for the head that the log has just before them.

    ``requests[i]`` is the index, within the group, of the request that row ``i`` belongs to; ``keys`` pairs
    such an index with a unique key.
    """

    head: LogHead
    rows: tuple[Row, ...]
    requests: tuple[int, ...]
    keys: tuple[tuple[int, UniqueKey], ...]


class StaleHead(Exception):
    """Another writer moved the head: make the group anew. Nothing was written."""


class GroupRefused(Exception):
    """Some requests of the group cannot be stored; the others can, without them. Nothing was written.

    ``conflicts`` maps a request's index to the streams that moved on, ``keys`` to the key that is taken (with
    its holder's value), ``ids`` to the event ids that are recorded already.
    """

    def __init__(
        self,
        conflicts: Mapping[int, tuple[str, ...]],
        keys: Mapping[int, UniqueKey],
        ids: Mapping[int, tuple[UUID, ...]],
    ) -> None:
        super().__init__("refused")
        self.conflicts = conflicts
        self.keys = keys
        self.ids = ids


class OutcomeUnknown(Exception):
    """The connection was lost during the commit: the group is stored whole or not at all; look for its ids."""


class LogStore(Protocol):
    """One append-only log. Every read sees committed rows only, and never row n without row n - 1."""

    async def open(self) -> LogHead:
        """The head; gives the log its identity on first use."""

    async def close(self) -> None: ...

    async def head(self) -> LogHead: ...

    async def commit(self, group: Group) -> None:
        """All rows and keys of the group, or none.

        Raises StaleHead, GroupRefused, OutcomeUnknown, LogUnavailable.
        """

    async def read(self, after: int, limit: int) -> Sequence[Row]:
        """Rows with position > ``after``, in order."""

    async def read_published(self, after_sequence: int, limit: int) -> Sequence[Row]:
        """The author's own published rows with sequence > ``after_sequence``, in order."""

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        """All rows of these streams (at positions up to ``upto``), in position order."""

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]: ...

    async def taken(self, scope: str, keys: Sequence[str]) -> Mapping[str, str]:
        """The values of those keys that are taken."""

    async def keep(self, keys: Sequence[UniqueKey]) -> None:
        """Takes keys without an event; one that is taken stays as it is."""

    async def forget(self, scope: str, before: datetime) -> int:
        """Frees the keys of ``scope`` taken before that moment; how many. Only for scopes that may expire."""

    async def received(self, source: str) -> Received | None:
        """The last event held of that author; all before it are held too. None if there is none."""

    async def received_leaves(
        self, source: str, epoch: int, sequences: Sequence[int]
    ) -> Mapping[int, bytes]:
        """The leaf hashes of those of the author's events that are held."""

    async def position_at(self, moment: datetime) -> int:
        """The last position recorded at or before ``moment``; 0 if none. ``recorded_at`` never decreases."""

    async def next_number(self, prefix: str) -> int:
        """A number n that was never given out for ``prefix``, above every existing stream ``<prefix>-<n>``."""

"""The seam between the log's logic and where its rows live: PostgreSQL, or memory.

Implementations are promised only to this package; tests/conformance says what they all keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct, field

from shared.eventlog.model import Epoch, LogHead, Received, Row, UniqueKey

LOST_NUMBERS_MAX: Final = 100_000
"""Numbers that are left out in a restored log: given out for a prefix, perhaps, and lost since.

That many streams were never begun between the last published event and the loss.
"""
FIRST_EPOCH: Final = Epoch(1, 0)

SequenceKey = tuple[str, int, int]
"""An author's event by number: source, epoch, sequence."""


class Tip(Struct, frozen=True):
    """Where a log goes on: its head, and of its last entry, if there is one, the leaf and the time.

    The leaf tells two logs of the same length apart: a group is made for one of them.
    """

    head: LogHead
    leaf: bytes
    recorded_at: datetime | None


class Group(Struct, frozen=True):
    """Rows that are committed together, and the tips that the log has before and after them.

    If the tips differ in their epochs, another one begins with the group. ``ends[i]`` is where the
    rows of the group's request ``i`` end; ``keys`` pairs such an index with a unique key.
    ``unproven`` names, as (request, stream, version), what the maker of the group has not seen
    itself: that this version is in the log.
    """

    before: Tip
    after: Tip
    rows: tuple[Row, ...]
    ends: tuple[int, ...]
    keys: tuple[tuple[int, UniqueKey], ...] = ()
    unproven: tuple[tuple[int, str, int], ...] = ()


class StaleHead(Exception):
    """The log is not where the group assumed it to be: make it anew. Nothing was written.

    ``tip`` is where the log is instead: further on, or not yet there when a group overtook the one
    before it.
    """

    def __init__(self, tip: Tip) -> None:
        super().__init__(f"the head is {tip.head.position}")
        self.tip = tip


class Refusals(Struct, frozen=True):
    """Why requests of a group cannot be stored, each by the request's index.

    ``conflicts`` names the streams that moved on, ``keys`` the key that is taken with its holder's
    value, ``ids`` the event ids that are recorded, ``sequences`` an author's number that is held by
    another event.
    """

    conflicts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    keys: Mapping[int, UniqueKey] = field(default_factory=dict)
    ids: Mapping[int, tuple[UUID, ...]] = field(default_factory=dict)
    sequences: Mapping[int, SequenceKey] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.conflicts or self.keys or self.ids or self.sequences)


class GroupRefused(Exception):
    """Some requests of the group cannot be stored; the others may be. Nothing was written."""

    def __init__(self, refusals: Refusals) -> None:
        super().__init__("refused")
        self.refusals = refusals


class OutcomeUnknown(Exception):
    """The connection was lost during the commit.

    The group is, or will be, stored whole or not at all. It never will be once the head is past
    the one it was made for and its ids are not there.
    """


class LogStore(Protocol):
    """One append-only log. Every read sees committed rows only, and never row n without row n - 1.

    Reads raise ``LogUnavailable``.
    """

    async def open(self) -> LogHead:
        """The head; gives the log its identity on first use."""

    async def close(self) -> None: ...

    async def head(self) -> LogHead: ...

    async def tip(self) -> Tip: ...

    async def commit(self, group: Group) -> None:
        """All rows and keys of the group, or none.

        Two groups may be under way at once, the second made for the head that the first leaves.
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
        """Frees the keys of ``scope`` taken before that moment; how many.

        Only for scopes that may expire.
        """

    async def received(self, source: str) -> Received | None:
        """The last event held of that author; all before it are held too. None if there is none."""

    async def said(self, source: str, sequence: int) -> Row | None:
        """What an author, this log's own too, published under a number; of its last epoch."""

    async def epochs(self) -> Sequence[Epoch]:
        """This log's epochs, in order; the first is ``FIRST_EPOCH``."""

    async def received_leaves(
        self, source: str, epoch: int, sequences: Sequence[int]
    ) -> Mapping[int, bytes]:
        """The leaf hashes of those of the author's events that are held."""

    async def position_at(self, moment: datetime) -> int:
        """The last position recorded at or before ``moment``; 0 if none."""

    async def next_number(self, prefix: str) -> int:
        """A number never given out for ``prefix``, above that of every stream ``<prefix>-<n>``.

        A restored log leaves ``LOST_NUMBERS_MAX`` out, once for each time that it was restored:
        what was named after the first may be lost by the second.
        """

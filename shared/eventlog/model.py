"""What goes into a log, what comes out, and how an append can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.events.envelope import Draft

ENTRY_BYTES_MAX: Final = 256 * 1024
"""The largest entry a log takes, so that whatever was recorded can be published."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """How far a log has come: the last position, and the last sequence among the published events."""

    log: UUID
    epoch: int
    position: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """An event that another log recorded, to be stored as the very bytes that were received."""

    id: UUID
    subject: str
    type: str
    source: str
    epoch: int
    sequence: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A name that only one append may ever take within its scope, kept in the same transaction as the events."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Append:
    """One all-or-nothing request. Events are stored in this order; the stream of an event is its subject.

    ``expected`` gives, for every stream the events touch, the version the stream has now (0: does not exist).
    """

    events: tuple[Draft | Foreign, ...]
    expected: Mapping[str, int]
    keys: tuple[UniqueKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One stored entry. ``version`` is dense in its stream, ``position`` in the log."""

    position: int
    stream: str
    version: int
    id: UUID
    type: str
    source: str
    epoch: int
    sequence: int | None
    entry: bytes
    leaf: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Appended:
    """The rows that an append made, in order; ``position`` is that of the last."""

    rows: tuple[Row, ...]
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def position(self) -> int:
        return self.rows[-1].position


@dataclass(frozen=True, slots=True)
class Received:
    """How far an author's events are held here without a gap."""

    log: UUID
    epoch: int
    sequence: int
    leaf: bytes


class EventLogError(Exception):
    """Base of what a log raises."""


class VersionConflict(EventLogError):
    """A stream moved on since it was read: load it again and decide again. Nothing was written."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(f"moved on since it was read: {', '.join(streams)}")
        self.streams = streams


class KeyTaken(EventLogError):
    """A unique key is taken; ``value`` is what its holder wrote. Nothing was written."""

    def __init__(self, taken: UniqueKey) -> None:
        super().__init__(f"{taken.scope} {taken.key} is taken by {taken.value}")
        self.taken = taken


class IdTaken(EventLogError):
    """An event of this id is in the log already: what was asked has been done. Nothing was written."""

    def __init__(self, ids: tuple[UUID, ...]) -> None:
        super().__init__(f"recorded before: {', '.join(map(str, ids))}")
        self.ids = ids


class EntryTooLarge(EventLogError):
    """An entry would exceed ``ENTRY_BYTES_MAX``. Nothing was written."""


class LogUnavailable(EventLogError):
    """The database cannot be reached, or did not take the append in time. Nothing of it was or will be written."""


class LogFull(LogUnavailable):
    """Too many appends wait already. Nothing was written."""

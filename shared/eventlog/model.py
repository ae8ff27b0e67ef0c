"""What goes into a log, what comes out, and how an append can fail.

::

    EventLogError
    ├── VersionConflict    load again, decide again
    ├── KeyTaken           somebody else holds the name
    ├── IdTaken            it has been done
    ├── SequenceTaken      the author's number is held by another event
    ├── EntryTooLarge
    ├── LogUnavailable     nothing was written, nothing will be
    │   ├── LogFull
    │   └── LogReadOnly    nothing is taken now, and why
    └── AppendUnsettled    nobody can say yet; the same append again tells
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, field

from shared.events.envelope import Draft

ENTRY_BYTES_MAX: Final = 256 * 1024
"""The largest entry a log takes, so that whatever was recorded can be published."""
NAME_BYTES_MAX: Final = 512
"""The longest name of a stream, an event type or an author, in UTF-8. Names are printable."""
KEY_BYTES_MAX: Final = 2_000
"""The longest unique key with its scope, in UTF-8: an index of PostgreSQL takes no longer ones."""
REQUEST_EVENTS_MAX: Final = 5_000
"""The most events that one append may ask for."""


class LogHead(Struct, frozen=True):
    """How far a log has come: its last position, and the last sequence of its published events."""

    log: UUID
    epoch: int
    position: int
    sequence: int


class Epoch(Struct, frozen=True):
    """An epoch of a log: its published events are those with a sequence behind ``after``."""

    epoch: int
    after: int


class Foreign(Struct, frozen=True, gc=False):
    """An event that was recorded before, to be stored as the very bytes that it is.

    Another log recorded it; or this one did, lost it, and recovers it from whoever received it.
    """

    id: UUID
    subject: str
    type: str
    source: str
    epoch: int
    sequence: int
    entry: bytes


class UniqueKey(Struct, frozen=True, gc=False):
    """A name that one append alone may take within its scope, together with its events."""

    scope: str
    key: str
    value: str


class Append(Struct, frozen=True, gc=False):
    """One all-or-nothing request. Events are stored in this order; their subjects are the streams.

    ``expected`` gives, for every stream that the events touch and no other, the version that it has
    now (0: it does not exist). ``epoch`` is the one that begins with these events, if any does.
    """

    events: tuple[Draft | Foreign, ...]
    expected: Mapping[str, int]
    keys: tuple[UniqueKey, ...] = ()
    epoch: int | None = None


class Row(Struct, frozen=True, gc=False):
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


class Appended(Struct, frozen=True, gc=False):
    """The rows that an append made, in order, and the version that each of its streams has now."""

    rows: tuple[Row, ...]
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def position(self) -> int:
        """The position of the last row."""
        return self.rows[-1].position


class Received(Struct, frozen=True):
    """How far an author's events are held here without a gap: its last one."""

    log: UUID
    epoch: int
    sequence: int
    leaf: bytes


class EventLogError(Exception):
    """Base of what a log raises."""


class VersionConflict(EventLogError):
    """A stream moved on since it was read: load it again, decide again. Nothing was written."""

    def __init__(self, streams: tuple[str, ...]) -> None:
        super().__init__(f"moved on since it was read: {', '.join(streams)}")
        self.streams = streams


class KeyTaken(EventLogError):
    """A unique key is taken; ``taken.value`` is what its holder wrote. Nothing was written."""

    def __init__(self, taken: UniqueKey) -> None:
        super().__init__(f"{taken.scope} {taken.key} is taken by {taken.value}")
        self.taken = taken


class IdTaken(EventLogError):
    """Events of these ids are recorded: what was asked has been done. This append wrote nothing."""

    def __init__(self, ids: tuple[UUID, ...]) -> None:
        super().__init__(f"recorded before: {', '.join(map(str, ids))}")
        self.ids = ids


class SequenceTaken(EventLogError):
    """An author's sequence number is held by an event of another id. Nothing was written.

    Either the author said two things under one number, or the caller passed over ``received``.
    """

    def __init__(self, source: str, epoch: int, sequence: int) -> None:
        super().__init__(f"{source} said another event {sequence} in its epoch {epoch}")
        self.source = source
        self.epoch = epoch
        self.sequence = sequence


class EntryTooLarge(EventLogError):
    """An entry would exceed ``ENTRY_BYTES_MAX``. Nothing was written."""

    def __init__(self, size: int) -> None:
        super().__init__(f"an entry of {size:,} bytes; the limit is {ENTRY_BYTES_MAX:,}")
        self.size = size


class LogUnavailable(EventLogError):
    """The database cannot be reached, or did not take the append in time.

    Nothing of it was or will be written.
    """


class LogFull(LogUnavailable):
    """Too many appends wait already. Nothing was written."""


class LogReadOnly(LogUnavailable):
    """The log takes nothing now; the message says why. Nothing was written."""


class AppendUnsettled(EventLogError):
    """The connection was lost during the commit and the database has not come back to tell.

    The append is stored whole or not at all. The same one, ids included, tells: it is stored then,
    or raises ``IdTaken``.
    """

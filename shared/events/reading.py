"""Following a log from outside: the head that its service announces, and reading it by request."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final
from uuid import UUID

from msgspec import Meta, Struct

from shared.events.patterns import END

PLACE_MAX: Final = 2**53 - 1
"""No log gets there, and every reader of JSON can still tell it from its neighbours."""
READ_ENTRIES_MAX: Final = 1_000
"""The most entries in one page, however many were asked for; a page may hold fewer for its size."""


class HeadAnnouncement(Struct, frozen=True, kw_only=True):
    """How far a log has come, so that a lost tail shows on an idle system.

    Announced once a second, and sent with every page of a log.

    Attributes:
        log: The log's id.
        epoch: Grows when the log is restored.
        position: The position of its last event; 0 if it is empty.
        sequence: The sequence of its last published event; 0 if there is none.
    """

    log: UUID
    epoch: Annotated[int, Meta(ge=0)]
    position: Annotated[int, Meta(ge=0)]
    sequence: Annotated[int, Meta(ge=0)]


class Announcement(HeadAnnouncement, frozen=True, kw_only=True):
    """What is sent on ``ops.head`` and ``eng.head`` once a second.

    Attributes:
        received: The sequence up to which the announcing service holds the other's events.
    """

    received: Annotated[int, Meta(ge=0)] = 0


class ReadRequest(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Asks for the entries of a log that follow a known one: either published ones, or all.

    Attributes:
        after_sequence: Published events with a higher sequence are asked for; 0 for the first on.
        after_position: Entries of any kind, received ones included, with a higher position.
        limit: How many at most.
        case: With ``after_position``: only those of this issue.
    """

    ONE_OF: ClassVar[tuple[str, ...]] = ("after_sequence", "after_position")
    after_sequence: Annotated[int, Meta(ge=0, le=PLACE_MAX)] | None = None
    after_position: Annotated[int, Meta(ge=0, le=PLACE_MAX)] | None = None
    limit: Annotated[int, Meta(ge=1)] = READ_ENTRIES_MAX
    case: Annotated[str, Meta(pattern=rf"^[A-Z][A-Z0-9-]{{0,63}}{END}")] | None = None

    def __post_init__(self) -> None:
        if (self.after_sequence is None) == (self.after_position is None):
            raise ValueError("Expected either `after_sequence` or `after_position`")
        if self.case is not None and self.after_position is None:
            raise ValueError("Expected `after_position` with `case`")


class ReadReply(Struct, frozen=True, kw_only=True):
    """One page of a log.

    Attributes:
        entries: The exact bytes of each entry, as text, in order; none behind the end.
        head: How far the log had come when it was read.
    """

    entries: tuple[str, ...]
    head: HeadAnnouncement

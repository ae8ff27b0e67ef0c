"""What a log says of itself when it was restored: its own words, in a stream of its own."""

from __future__ import annotations

from typing import ClassVar, Final

from shared.events.envelope import Private

STREAM: Final = "log"
"""The stream that is about the log itself. No key of a thing is written in small letters."""


class LogRecovered(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The log's database was an older one; what the other service held of it is back.

    The events that came back keep their bytes, their number and their epoch. They stand behind what
    the older database had, at positions and versions of their own: those that they name are of the
    log that was lost, where unpublished events stood between them.

    Attributes:
        old_epoch: The epoch that ended.
        epoch: The one that begins with this event.
        lost_from: The sequence of the first published event that the older database did not have.
        recovered: How many came back: ``lost_from`` and those that follow it.
        said: The last sequence known to have been published in the old epoch. Those behind the
            recovered ones had not reached the other service and are lost.
        after_position: What came back stands behind this position.
        gaps: Positions of the lost log, first and last, of which nothing came back: unpublished
            events, and received ones, which come again. At most ``GAPS_MAX`` ranges.
        missing: How many positions such ranges have in all, up to the last recovered event.
    """

    GAPS_MAX: ClassVar[int] = 1_000
    TYPE: ClassVar[str] = "caselog.log.log-recovered.v1"
    old_epoch: int
    epoch: int
    lost_from: int
    recovered: int
    said: int
    after_position: int
    gaps: tuple[tuple[int, int], ...] = ()
    missing: int = 0

"""Wrong variants of the event log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from shared.eventlog import appender
from shared.eventlog.appender import Appender
from shared.eventlog.groups import Batch
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Appended, LogUnavailable, Row, VersionConflict
from shared.eventlog.port import Group, OutcomeUnknown
from tests.simulation.database import Connection, Database
from tests.simulation.teeth.variant import Variant

Call = Callable[..., Awaitable[Any]]


def _unknown_is_done(commit: Call) -> Call:
    async def wrong(self: Connection, group: Group) -> None:
        try:
            await commit(self, group)
        except OutcomeUnknown:
            return

    return wrong


def _unknown_is_not_done(commit: Call) -> Call:
    async def wrong(self: Connection, group: Group) -> None:
        try:
            await commit(self, group)
        except OutcomeUnknown:
            raise LogUnavailable("nothing was written") from None

    return wrong


def _visible_late(read: Call) -> Call:
    """Two transactions at once take numbers 1 and 2; the second is seen first."""
    seen_at: WeakKeyDictionary[Database, dict[int, int]] = WeakKeyDictionary()
    looks: defaultdict[int, int] = defaultdict(int)

    async def wrong(self: Database, after: int, limit: int) -> Sequence[Row]:
        rows: Sequence[Row] = await read(self, after, limit)
        late = seen_at.setdefault(self, {})
        looks[id(self)] += 1
        for row in rows:
            # Every fifth row is committed by somebody slow: two looks later than it should be.
            late.setdefault(row.position, looks[id(self)] + (2 if row.position % 5 == 0 else 0))
        return [row for row in rows if late[row.position] <= looks[id(self)]]

    return wrong


def _whatever_the_version(append: Call) -> Call:
    async def wrong(self: EventLog, request: Append) -> Appended:
        while True:
            try:
                appended: Appended = await append(self, request)
                return appended
            except VersionConflict as conflict:
                rows = await self.store.read_streams(conflict.streams)
                now = {row.stream: row.version for row in rows}
                request = replace(request, expected={**request.expected, **now})

    return wrong


def _by_the_clock(make: Callable[..., Batch]) -> Callable[..., Batch]:
    def wrong(self: Appender) -> Batch:
        names = vars(appender)
        names["max"] = lambda now, *_: now
        try:
            return make(self)
        finally:
            del names["max"]

    return wrong


def _a_part_for_the_whole(_: Any) -> Any:
    def wrong(self: Batch) -> None:
        """A try is known by its first entry alone: every beginning of it counts as all."""
        start = 0
        for ask, end in zip(self.asks, self._ends, strict=True):
            leaves = [row.leaf for row in self.rows[start:end]]
            ask.ghosts |= {tuple(leaves[:count]) for count in range(1, len(leaves) + 1)}
            ask.ghost_head = max(ask.ghost_head, self.tip.head.position)
            start = end

    return wrong


VARIANTS: Final = (
    Variant(
        "tailing by an auto-increment",
        "what commits late under a number that was passed is never read",
        Database,
        "read",
        _visible_late,
    ),
    Variant(
        "swallowing an unknown commit",
        "a client is told that it is recorded, and it is not",
        Connection,
        "commit",
        _unknown_is_done,
    ),
    Variant(
        "telling an unknown commit for none",
        "a client asks again, and it is done twice",
        Connection,
        "commit",
        _unknown_is_not_done,
    ),
    Variant(
        "appending whatever the version",
        "what was decided on an old state stands in a new one",
        EventLog,
        "append",
        _whatever_the_version,
    ),
    Variant(
        "recording by the clock alone",
        "time in the log goes back with a clock that jumps",
        Appender,
        "_make",
        _by_the_clock,
    ),
    Variant(
        "taking a part of an append for the whole",
        "two receivers at once: the one goes on behind a hole",
        Batch,
        "haunt",
        _a_part_for_the_whole,
        frozenset({"two relays", "commit never applied, outcome unknown", "slow commit"}),
    ),
)

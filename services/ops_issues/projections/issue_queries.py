"""Lists, searches and counts of issues, from the tables of the read model.

Lists are in the order of numbers, which never changes: an issue that is opened while somebody turns
the pages comes at the end. The connection's search path leads to the live generation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg
from msgspec import Struct

from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.projections.filters import (
    QUEUE_CONDITIONS,
    Filter,
    conditions,
    holds,
)
from services.ops_issues.projections.issue_rows import (
    PREFIX,
    SUMMARY_CHARS_MAX,
    decode_issue,
    fold_rows,
    searchable,
)
from services.ops_issues.projections.represent import IssueView, view
from shared.eventlog.model import Row
from shared.events.codec import Codec

SCANNED_MAX: Final = 2_000
"""Issues looked at for one page of the past; a sparse filter answers short pages then."""
SCANNED_AT_ONCE: Final = 200

# Two indexes, each asked for its own: neither would be used for an OR.
_FOUND: Final = """number IN (
    SELECT number FROM issue WHERE words @@ websearch_to_tsquery('searched', {q})
    UNION SELECT number FROM comment WHERE words @@ websearch_to_tsquery('searched', {q}))"""
_ROWS: Final = "SELECT number, state, version, position FROM issue WHERE number > $1"
_CANDIDATES: Final = """
    SELECT number, state, version, position FROM issue
    WHERE number > $1 AND opened_position <= $2 ORDER BY number LIMIT $3"""
_FOUND_THEN: Final = """
    SELECT number FROM unnest($1::bigint[], $2::text[], $3::text[])
        AS past (number, summary, description)
    WHERE to_tsvector('searched', summary) || to_tsvector('searched', description)
        @@ websearch_to_tsquery('searched', $4)
    UNION SELECT number FROM comment
    WHERE number = ANY($1) AND position <= $5 AND words @@ websearch_to_tsquery('searched', $4)"""

Found = tuple[OpsIssue, int, int]
"""An issue, its version, and the position of its last event."""
ReadStreams = Callable[[Sequence[str], int], Awaitable[Sequence[Row]]]
"""All rows of these streams up to a position, in order: a log store's ``read_streams``."""


class Page(Struct, frozen=True):
    """Some issues in the order of their numbers; more come after ``next_number``, if not None."""

    items: list[IssueView]
    next_number: int | None


class Past(Struct, frozen=True):
    """A moment of the log: where it ended then, and how to read what was said until then."""

    position: int
    read_streams: ReadStreams
    codec: Codec


class QueueCount(Struct, frozen=True, kw_only=True):
    """How many issues are in a queue."""

    queue: str
    count: int


async def page(connection: asyncpg.Connection, wanted: Filter, after: int, limit: int) -> Page:
    """At most ``limit`` issues with a number above ``after``."""
    said, arguments = conditions(wanted, first=3)
    if wanted.q is not None:
        said.append(_FOUND.format(q=f"${len(arguments) + 3}"))
        arguments.append(searchable(wanted.q))
    query = " AND ".join((_ROWS, *said)) + " ORDER BY number LIMIT $2"
    rows = await connection.fetch(query, after, limit + 1, *arguments)
    items = [view(decode_issue(state), *at) for _, state, *at in rows[:limit]]
    return Page(items, rows[limit - 1]["number"] if len(rows) > limit else None)


async def page_as_of(
    connection: asyncpg.Connection,
    wanted: Filter,
    after: int,
    limit: int,
    past: Past,
) -> Page:
    """The same, as the issues were then.

    A page may be short, or empty, and still lead to a next one.
    """
    items: list[IssueView] = []
    for _ in range(SCANNED_MAX // SCANNED_AT_ONCE):
        rows = await connection.fetch(_CANDIDATES, after, past.position, SCANNED_AT_ONCE)
        for number, found in await _as_of(connection, wanted, rows, past):
            if len(items) == limit:
                return Page(items, after)
            items.append(view(*found))
            after = number
        if len(rows) < SCANNED_AT_ONCE:
            return Page(items, None)
        after = rows[-1]["number"]
    return Page(items, after)


async def _as_of(
    connection: asyncpg.Connection, wanted: Filter, rows: Sequence[Any], past: Past
) -> list[tuple[int, Found]]:
    """Those of the rows' issues that passed the filter then, in their order.

    What has not changed since is taken as it is stored, the rest is folded anew.
    """
    moved = [f"{PREFIX}{row['number']}" for row in rows if row["position"] > past.position]
    told = await past.read_streams(moved, past.position) if moved else ()
    folded = fold_rows({}, told, past.codec).issues
    then: list[tuple[int, Found]] = []
    for number, state, version, at in rows:
        if at <= past.position:
            found = (decode_issue(state), version, at)
        else:
            stored = folded[number]  # opened by then: its first event was
            assert isinstance(stored.issue, OpsIssue)
            found = (stored.issue, stored.version, stored.position)
        if holds(wanted, found[0]):
            then.append((number, found))
    if wanted.q is None or not then:
        return then
    named = await connection.fetch(
        _FOUND_THEN,
        [number for number, _ in then],
        [searchable(found[0].summary, SUMMARY_CHARS_MAX) for _, found in then],
        [searchable(found[0].description) for _, found in then],
        searchable(wanted.q),
        past.position,
    )
    numbers = {row["number"] for row in named}
    return [(number, found) for number, found in then if number in numbers]


async def count_queues(connection: asyncpg.Connection, me: str) -> list[QueueCount]:
    """How many issues are in each queue; ``mine`` is that of ``me``. Teams have theirs."""
    counts = [
        QueueCount(queue=name, count=await _count(connection, condition))
        for name, condition in QUEUE_CONDITIONS.items()
    ]
    mine = await _count(connection, "is_open AND assignee = $1", me.replace("\0", " "))
    by_team = await connection.fetch(_COUNT_TEAMS)
    teams = [QueueCount(queue=f"team:{key}", count=count) for key, count in by_team]
    return [*counts, QueueCount(queue="mine", count=mine), *teams]


_COUNT_TEAMS: Final = """
    SELECT team, count(*) FROM issue, unnest(teams) AS team WHERE is_open GROUP BY team
    ORDER BY team"""


async def _count(connection: asyncpg.Connection, condition: str, *arguments: str) -> int:
    query = f"SELECT count(*) FROM issue WHERE {condition}"  # noqa: S608 - conditions are ours
    count: int = await connection.fetchval(query, *arguments)
    return count

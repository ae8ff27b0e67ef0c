"""Lists of engineering issues, of a team's queue, and of teams, from the tables of the read model.

Each query begins after the last item of the page before, in an order that what is added meanwhile
does not disturb. The connection's search path leads to the live generation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
from msgspec import Struct

from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.parts import State as PartState
from services.eng_issues.domain.team import Team
from services.eng_issues.projections.boards import decode_case, decode_issue, decode_team
from shared.events.vocabulary import Severity, SourceCase, Status

_ISSUES: Final = "SELECT begun, state, version, position FROM issue WHERE begun > $1"
_QUEUE: Final = """
    SELECT queued.owned, queued.severity, queued.opened_at, queued.begun,
        ops_issue.state, ops_issue.version, ops_issue.position
    FROM queued JOIN ops_issue ON ops_issue.key = queued.ops_issue
    WHERE queued.team = $1"""
_BEHIND: Final = (
    "(queued.owned, queued.severity, queued.opened_at, queued.begun) > ($3, $4, $5, $6)"
)
_IN_ORDER: Final = "ORDER BY queued.owned, queued.severity, queued.opened_at, queued.begun LIMIT $2"
_TEAMS: Final = """
    SELECT state, version, position FROM team WHERE key > $1 ORDER BY key LIMIT $2"""
_HAS_TEAM: Final = "SELECT EXISTS (SELECT FROM team WHERE key = $1)"


class Found(Struct, frozen=True):
    """An engineering issue, its stream's version, where that lies, and its place in lists."""

    issue: Issue
    version: int
    position: int
    begun: int


class FoundTeam(Struct, frozen=True):
    """A team, its stream's version, and where that lies."""

    team: Team
    version: int
    position: int


class QueueKey(NamedTuple):
    """An item's place in a team's queue; ``begun`` is where the case's first event lies."""

    owned: bool
    severity: Severity
    opened_at: datetime
    begun: int


class QueueRow(Struct, frozen=True, kw_only=True):
    """One ops issue in a team's queue.

    Attributes:
        ops_issue: Its key.
        team: Whose queue it is.
        state: The team's part in it.
        since: When the part became so.
        owned: Whether the team holds a claim; those it is only asked to look at come first.
        severity: How bad it is for the customer.
        summary: The ops issue in one line.
        status: Operations' latest statement of its status.
        issue: The team's engineering issue.
        source_case: The customer-facing record.
        opened_at: When it was opened.
        version: The version of the case, in this log.
        position: The position of its last event, in this log.
    """

    ops_issue: str
    team: str
    state: PartState
    since: datetime | None
    owned: bool
    severity: Severity
    summary: str
    status: Status
    issue: str | None
    source_case: SourceCase | None
    opened_at: datetime
    version: int
    position: int


async def issues(
    connection: asyncpg.Connection,
    after: int,
    limit: int,
    *,
    team: str | None = None,
    status: str | None = None,
    ops_issue: str | None = None,
) -> list[Found]:
    """At most ``limit`` issues that began behind the position ``after``, oldest first."""
    said, arguments = [_ISSUES], list[Any]((after, limit))
    for condition, value in (
        ("team = ${}", team),
        ("status = ${}", status),
        ("ops_issues @> ARRAY[${}::text]", ops_issue),
    ):
        if value is not None:
            arguments.append(value.replace("\0", " "))
            said.append(condition.format(len(arguments)))
    query = " AND ".join(said) + " ORDER BY begun LIMIT $2"
    rows = await connection.fetch(query, *arguments)
    return [
        Found(decode_issue(row["state"]), row["version"], row["position"], row["begun"])
        for row in rows
    ]


async def queue(
    connection: asyncpg.Connection, team: str, after: QueueKey | None, limit: int
) -> list[tuple[QueueKey, QueueRow]]:
    """At most ``limit`` rows behind ``after`` of "Customer Support tickets - [Team]", in order."""
    behind = () if after is None else (_BEHIND,)
    query = " ".join((" AND ".join((_QUEUE, *behind)), _IN_ORDER))
    rows = await connection.fetch(query, team, limit, *(after or ()))
    return [_queue_row(team, row) for row in rows]


def _queue_row(team: str, row: asyncpg.Record) -> tuple[QueueKey, QueueRow]:
    owned, severity, opened_at, begun, state, version, position = row
    case = decode_case(state)
    part = case.part(team)
    shown = QueueRow(
        ops_issue=case.key,
        team=team,
        state=part.state,
        since=part.since,
        owned=owned,
        severity=severity,
        summary=case.summary,
        status=case.status,
        issue=case.issue_of(team),
        source_case=case.source_case,
        opened_at=opened_at,
        version=version,
        position=position,
    )
    return QueueKey(owned, severity, opened_at, begun), shown


async def has_team(connection: asyncpg.Connection, key: str) -> bool:
    """Whether there is such a team."""
    return bool(await connection.fetchval(_HAS_TEAM, key.replace("\0", " ")))


async def teams(connection: asyncpg.Connection, after: str, limit: int) -> list[FoundTeam]:
    """At most ``limit`` teams with a key above ``after``, by key."""
    rows = await connection.fetch(_TEAMS, after, limit)
    return [FoundTeam(decode_team(row["state"]), row["version"], row["position"]) for row in rows]

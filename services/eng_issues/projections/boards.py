"""The read model of boards in PostgreSQL: what is read and written for a batch of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

import asyncpg
import msgspec

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.team import Team
from services.eng_issues.projections.board_rows import (
    Kept,
    fold_rows,
    is_case,
    is_issue,
    issues_of,
    queued,
)
from shared.eventlog.model import Row
from shared.events.codec import Codec

_LOAD_ISSUES: Final = "SELECT key, state, version, position, begun FROM issue WHERE key = ANY($1)"
_LOAD_CASES: Final = (
    "SELECT key, state, version, position, begun FROM ops_issue WHERE key = ANY($1)"
)
_ISSUE: Final = """
    INSERT INTO issue (begun, key, team, status, ops_issues, state, version, position)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (begun) DO UPDATE SET status = excluded.status, ops_issues = excluded.ops_issues,
        state = excluded.state, version = excluded.version, position = excluded.position"""
_CASE: Final = """
    INSERT INTO ops_issue (key, begun, state, version, position) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, version = excluded.version,
        position = excluded.position"""
_TEAM: Final = """
    INSERT INTO team (key, state, version, position) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, version = excluded.version,
        position = excluded.position"""
_UNQUEUE: Final = "DELETE FROM queued WHERE ops_issue = ANY($1)"
_QUEUE: Final = """
    INSERT INTO queued (team, ops_issue, owned, severity, opened_at, begun)
    VALUES ($1, $2, $3, $4, $5, $6)"""

_encode = msgspec.json.Encoder().encode
_issues = msgspec.json.Decoder(Issue)
_cases = msgspec.json.Decoder(Case)
_teams = msgspec.json.Decoder(Team)


class Boards:
    """The projection: ``apply`` runs within the transaction that moves its checkpoint."""

    name: Final = "boards"
    version: Final = 1
    """Of this code: another one needs the tables filled anew."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def sql(self) -> str:
        """Makes the tables of a generation."""
        return files(__package__).joinpath("boards.sql").read_text(encoding="utf-8")

    async def apply(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """Takes in the next rows of the log."""
        streams = sorted({row.stream for row in rows})
        held = await _load(connection, streams)
        after = fold_rows(held, rows, self._codec)
        # In order of their keys: two writers never wait for each other.
        after = {stream: after[stream] for stream in streams}
        await _write_issues(connection, after)
        await _write_cases(connection, after)
        await _write_queues(connection, held, after)
        await _write_teams(connection, after)


async def _load(connection: asyncpg.Connection, streams: Sequence[str]) -> dict[str, Kept]:
    issues = [stream for stream in streams if is_issue(stream)]
    cases = [stream for stream in streams if is_case(stream)]
    held: dict[str, Kept] = {}
    if issues:
        for key, state, *at in await connection.fetch(_LOAD_ISSUES, issues):
            held[key] = Kept(decode_issue(state), *at)
    if cases:
        for key, state, *at in await connection.fetch(_LOAD_CASES, cases):
            held[key] = Kept(decode_case(state), *at)
    return held


async def _write_issues(connection: asyncpg.Connection, after: Mapping[str, Kept]) -> None:
    rows = [
        (
            kept.begun,
            issue.key,
            issue.team,
            issue.status,
            list(issue.ops_issues),
            _encode(issue),
            kept.version,
            kept.position,
        )
        for issue, kept in issues_of(after)
    ]
    if rows:
        await connection.executemany(_ISSUE, rows)


async def _write_cases(connection: asyncpg.Connection, after: Mapping[str, Kept]) -> None:
    rows = [
        (key, kept.begun, _encode(kept.state), kept.version, kept.position)
        for key, kept in after.items()
        if isinstance(kept.state, Case)
    ]
    if rows:
        await connection.executemany(_CASE, rows)


async def _write_queues(
    connection: asyncpg.Connection, held: Mapping[str, Kept], after: Mapping[str, Kept]
) -> None:
    """Only of cases that are in other queues now, or elsewhere in them."""
    moved = {
        key: now
        for key, kept in after.items()
        if (now := set(queued(kept))) != set(queued(held[key]) if key in held else ())
    }
    if not moved:
        return
    await connection.execute(_UNQUEUE, list(moved))
    rows = [row for key in moved for row in sorted(moved[key])]
    if rows:
        await connection.executemany(_QUEUE, rows)


async def _write_teams(connection: asyncpg.Connection, after: Mapping[str, Kept]) -> None:
    rows = [
        (key, _encode(kept.state), kept.version, kept.position)
        for key, kept in after.items()
        if isinstance(kept.state, Team)
    ]
    if rows:
        await connection.executemany(_TEAM, rows)


def decode_issue(state: bytes) -> Issue:
    """An issue as the read model keeps it."""
    return _issues.decode(state)


def decode_case(state: bytes) -> Case:
    """A case as the read model keeps it: without its long texts."""
    return _cases.decode(state)


def decode_team(state: bytes) -> Team:
    """A team as the read model keeps it."""
    return _teams.decode(state)

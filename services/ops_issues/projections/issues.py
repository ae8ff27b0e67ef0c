"""The read model of issues in PostgreSQL: what is read and written for a batch of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, Final

import asyncpg

from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.projections.issue_rows import (
    Changes,
    Stored,
    columns,
    decode_issue,
    fold_rows,
    searchable,
    searched,
    touched,
)
from shared.eventlog.model import Row
from shared.events.codec import Codec

LOAD: Final = """
    SELECT number, state, version, position, opened_position FROM issue WHERE number = ANY($1)"""
# Words are made only for what was reworded, and are null otherwise: a long text takes milliseconds.
UPSERT: Final = """
    INSERT INTO issue AS held (number, status, is_open, acknowledged, awaits_customer, severity,
        assignee, source_case, teams, state, version, position, opened_position, words)
    SELECT number, status, is_open, acknowledged, awaits_customer, severity,
        assignee, source_case, string_to_array(teams, ','), state, version, position, opened,
        to_tsvector('searched', summary) || to_tsvector('searched', description)
    FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[], $12::bigint[],
        $13::bigint[], $14::text[], $15::text[])
        AS new (number, status, is_open, acknowledged, awaits_customer, severity, assignee,
            source_case, teams, state, version, position, opened, summary, description)
    ON CONFLICT (number) DO UPDATE SET
        status = excluded.status, is_open = excluded.is_open,
        acknowledged = excluded.acknowledged, awaits_customer = excluded.awaits_customer,
        severity = excluded.severity, assignee = excluded.assignee,
        source_case = excluded.source_case, teams = excluded.teams, state = excluded.state,
        version = excluded.version, position = excluded.position,
        words = coalesce(excluded.words, held.words)"""
ADD_COMMENTS: Final = """
    INSERT INTO comment (position, number, words)
    SELECT position, number, to_tsvector('searched', text)
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (position, number, text)"""


class Issues:
    """The projection: ``apply`` runs within the transaction that moves its checkpoint."""

    name: Final = "issues"
    version: Final = 1
    """Of this code: another one needs the tables filled anew."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def sql(self) -> str:
        """Makes the tables of a generation."""
        return files(__package__).joinpath("issues.sql").read_text(encoding="utf-8")

    async def apply(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """Takes in the next rows of the log."""
        numbers = touched(rows)
        if not numbers:
            return
        stored = await connection.fetch(LOAD, list(numbers))
        held = {number: Stored(decode_issue(state), *at) for number, state, *at in stored}
        await self._write(connection, fold_rows(held, rows, self._codec))

    async def _write(self, connection: asyncpg.Connection, changes: Changes) -> None:
        # In order of their keys: two writers never wait for each other.
        opened = [
            (*columns(number, stored), *_words(number, stored, changes))
            for number, stored in sorted(changes.issues.items())
            if isinstance(stored.issue, OpsIssue)
        ]
        if opened:
            await connection.execute(UPSERT, *_by_column(opened))
        if changes.comments:
            added = [(c.position, c.number, searchable(c.text)) for c in changes.comments]
            await connection.execute(ADD_COMMENTS, *_by_column(added))


def _words(number: int, stored: Stored, changes: Changes) -> tuple[str | None, str | None]:
    return searched(stored) if number in changes.reworded else (None, None)


def _by_column(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]

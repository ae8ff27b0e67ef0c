"""Operations' log replayed: the status it states, and its read model, against the fold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Final

import asyncpg
import msgspec

from caselog.verifying.read_models import Fields, NoReadModel, differences, snapshot
from services.ops_issues.domain.events import KNOWN
from services.ops_issues.domain.ops_issue import OpsIssue, State
from services.ops_issues.projections.issue_rows import (
    NOT_STORED,
    PREFIX,
    Stored,
    columns,
    fold_rows,
    number_of,
    searched,
)
from shared.eventlog.model import LogHead, Row
from shared.events import ops
from shared.events.codec import Codec
from shared.events.envelope import AnyRecorded

NAME: Final = "issues"
COLUMNS: Final = (
    "status",
    "is_open",
    "acknowledged",
    "awaits_customer",
    "severity",
    "assignee",
    "source_case",
    "teams",
    "state",
    "version",
    "position",
    "opened_position",
)
READ: Final = """
    SELECT number, status, is_open, acknowledged, awaits_customer, severity, assignee,
        source_case, array_to_string(teams, ','), state, version, position, opened_position
    FROM issue"""
READ_COMMENTS: Final = "SELECT position, number FROM comment WHERE position <= $1"
READ_OTHER_WORDS: Final = """
    SELECT number
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS fold (number, summary, description)
    JOIN issue USING (number)
    WHERE words IS DISTINCT FROM
        to_tsvector('searched', summary) || to_tsvector('searched', description)"""
WORDS_BATCH: Final = 200
"""Issues whose words are made at a time; with texts at their limit, 13 MB."""


class OpsReplay:
    """Folds every issue from its first event on. Memory grows with the number of issues."""

    def __init__(self) -> None:
        self._codec = Codec(KNOWN)
        self._issues: dict[int, Stored] = {}
        self._comments: dict[int, Fields] = {}
        self.checked: list[str] = []

    def rows(self, rows: Iterable[Row]) -> Iterator[str]:
        """What in these rows is not equal to the fold: statements of a status."""
        for row in rows:
            number = number_of(row.stream)
            if number is None:
                continue
            try:
                if row.type == ops.StatusChanged.TYPE:
                    said = self._codec.decode(row.type, row.entry)
                    before = self._issues.get(number, NOT_STORED).issue
                    # One that a restored log took back followed from private events, which are
                    # lost. Where the fold is another without them, the log has stated that since.
                    if not _is_recovered(row, said):
                        yield from _statement(row, said.data, before)
                changes = fold_rows(self._issues, (row,), self._codec)
            except msgspec.DecodeError:  # no event at all: the check of the log has said so
                continue
            self._issues.update(changes.issues)
            self._comments.update({each.position: (each.number,) for each in changes.comments})

    async def compare(self, dsn: str, head: LogHead) -> AsyncIterator[str]:
        """What of the read model is not equal to the fold."""
        opened = {
            number: stored
            for number, stored in self._issues.items()
            if isinstance(stored.issue, OpsIssue)
        }
        for number, stored in opened.items():
            assert isinstance(stored.issue, OpsIssue)
            if stored.issue.stated != stored.issue.status:
                said, status = stored.issue.stated, stored.issue.status
                yield f"{PREFIX}{number} is {status}, the log states {said}"
        try:
            async with snapshot(dsn, NAME, head) as connection:
                found = await connection.fetch(READ)
                comments = await connection.fetch(READ_COMMENTS, head.position)
                beyond = {row["number"] for row in found if row["position"] > head.position}
                reworded = [each async for each in _other_words(connection, opened)]
        except NoReadModel as error:
            yield str(error)
            return
        wanted = {_key(number): columns(number, each)[1:] for number, each in opened.items()}
        held: dict[str, Fields] = {_key(row["number"]): tuple(row)[1:] for row in found}
        for difference in differences("issue", COLUMNS, wanted, held, set(map(_key, beyond))):
            yield difference
        for number in reworded:
            if number not in beyond:
                yield f"issue {_key(number)} in the read model is found by other words than its own"
        shown: dict[int, Fields] = {row["position"]: tuple(row)[1:] for row in comments}
        at = "comment at position"
        for difference in differences(at, ("number",), self._comments, shown, set()):
            yield difference
        self.checked = [
            f"{len(opened):,} issues: every stated status equal to the fold",
            f"{len(held):,} rows of the read model equal to the fold",
        ]


async def _other_words(
    connection: asyncpg.Connection, opened: dict[int, Stored]
) -> AsyncIterator[int]:
    """The issues whose words for the search are not those of their texts."""
    issues = list(opened.items())
    for begin in range(0, len(issues), WORDS_BATCH):
        batch = issues[begin : begin + WORDS_BATCH]
        texts = [searched(stored) for _, stored in batch]
        numbers = [number for number, _ in batch]
        for (number,) in await connection.fetch(
            READ_OTHER_WORDS, numbers, [text for text, _ in texts], [text for _, text in texts]
        ):
            yield number


def _is_recovered(row: Row, said: AnyRecorded) -> bool:
    """Whether it stands elsewhere than it was said; the check of the log says whether it may."""
    return row.source == ops.SOURCE and (
        said.position != row.position or said.recordedtime != row.recorded_at
    )


def _key(number: int) -> str:
    return f"{PREFIX}{number}"


def _statement(row: Row, said: Any, before: State) -> Iterator[str]:
    where = f"position {row.position}"
    if not isinstance(said, ops.StatusChanged):
        yield f"{where}: a status that cannot be read: {said}"
        return
    if not isinstance(before, OpsIssue):
        yield f"{where}: states a status of {row.stream}, which was not opened"
        return
    if said.from_status != before.stated:
        yield f"{where}: says it was {said.from_status}, stated was {before.stated}"
    if said.to_status != before.status:
        yield f"{where}: states {said.to_status}, the fold is {before.status}"
    if (said.assigned, said.claimed) != (before.assigned, before.claimed):
        yield f"{where}: states other teams or claims than the fold"

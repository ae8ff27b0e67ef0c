"""Operations' log replayed: the status it states, and its read model, against the fold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from caselog.verifying.read_models import Fields, NoReadModel, differences, snapshot
from services.ops_issues.domain.events import KNOWN
from services.ops_issues.domain.ops_issue import OpsIssue, State
from services.ops_issues.projections.issue_rows import (
    NOT_STORED,
    Stored,
    columns,
    fold_rows,
    number_of,
)
from shared.eventlog.model import LogHead, Row
from shared.events import ops
from shared.events.codec import Codec

NAME = "issues"
READ = """
    SELECT number, status, is_open, acknowledged, awaits_customer, severity, assignee,
        source_case, array_to_string(teams, ','), state, version, position, opened_position
    FROM issue"""


class OpsReplay:
    """Folds every issue from its first event on. Memory grows with the number of issues."""

    def __init__(self) -> None:
        self._codec = Codec(KNOWN)
        self._issues: dict[int, Stored] = {}
        self.checked: list[str] = []

    def rows(self, rows: Iterable[Row]) -> Iterator[str]:
        """What in these rows is not equal to the fold: statements of a status."""
        for row in rows:
            number = number_of(row.stream)
            if number is None:
                continue
            if row.type == ops.StatusChanged.TYPE:
                said = self._codec.decode(row.type, row.entry).data
                before = self._issues.get(number, NOT_STORED).issue
                yield from _statement(row, said, before)
            self._issues.update(fold_rows(self._issues, (row,), self._codec).issues)

    async def compare(self, dsn: str, head: LogHead) -> AsyncIterator[str]:
        """What of the read model is not equal to the fold."""
        for number, stored in self._issues.items():
            issue = stored.issue
            if isinstance(issue, OpsIssue) and issue.stated != issue.status:
                yield f"OPS-{number} is {issue.status}, the log states {issue.stated}"
        wanted = {
            number: columns(number, stored)[1:]
            for number, stored in self._issues.items()
            if isinstance(stored.issue, OpsIssue)
        }
        try:
            async with snapshot(dsn, NAME, head) as connection:
                found = await connection.fetch(READ)
        except NoReadModel as error:
            yield str(error)
            return
        held: dict[int, Fields] = {row["number"]: tuple(row)[1:] for row in found}
        beyond = {row["number"] for row in found if row["position"] > head.position}
        for difference in differences("issue", wanted, held, beyond):
            yield difference
        self.checked = [
            f"{len(self._issues):,} issues: every stated status equal to the fold",
            f"{len(held):,} rows of the read model equal to the fold",
        ]


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

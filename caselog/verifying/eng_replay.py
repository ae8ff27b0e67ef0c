"""Engineering's log replayed: its read model against the fold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from caselog.verifying.read_models import Fields, NoReadModel, differences, snapshot
from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import BODIES
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.team import Team
from services.eng_issues.projections.board_rows import Kept, fold_rows, queued
from shared.eventlog.model import LogHead, Row
from shared.events.codec import Codec

NAME: Final = "boards"
READ_ISSUES: Final = """
    SELECT key, begun, team, status, ops_issues, state, version, position FROM issue"""
READ_CASES: Final = "SELECT key, begun, state, version, position FROM ops_issue"
READ_QUEUES: Final = "SELECT team, ops_issue, owned, severity, opened_at, begun FROM queued"
READ_TEAMS: Final = "SELECT key, state, version, position FROM team"
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "issue": ("begun", "team", "status", "ops_issues", "state", "version", "position"),
    "case": ("begun", "state", "version", "position"),
    "team": ("state", "version", "position"),
}

_encode = msgspec.json.Encoder().encode


class EngReplay:
    """Folds every stream from its first event on. Memory grows with their number."""

    def __init__(self) -> None:
        self._codec = Codec(BODIES)
        self._kept: dict[str, Kept] = {}
        self.checked: list[str] = []

    def rows(self, rows: Iterable[Row]) -> Iterator[str]:
        """Nothing in a row of Engineering states what the fold says: there is no difference."""
        for row in rows:
            try:
                self._kept.update(fold_rows(self._kept, (row,), self._codec))
            except msgspec.DecodeError:  # no event at all: the check of the log has said so
                continue
        yield from ()

    async def compare(self, dsn: str, head: LogHead) -> AsyncIterator[str]:
        """What of the read model is not equal to the fold."""
        try:
            async with snapshot(dsn, NAME, head) as connection:
                issues = await connection.fetch(READ_ISSUES)
                cases = await connection.fetch(READ_CASES)
                queues = await connection.fetch(READ_QUEUES)
                teams = await connection.fetch(READ_TEAMS)
        except NoReadModel as error:
            yield str(error)
            return
        beyond = {
            row["key"] for row in (*issues, *cases, *teams) if row["position"] > head.position
        }
        held: dict[str, dict[str, Fields]] = {
            "issue": {row["key"]: tuple(row)[1:] for row in issues},
            "case": {row["key"]: tuple(row)[1:] for row in cases},
            "team": {row["key"]: tuple(row)[1:] for row in teams},
        }
        for what, wanted in self._wanted().items():
            for difference in differences(what, COLUMNS[what], wanted, held[what], beyond):
                yield difference
        places = _by_case(tuple(place) for kept in self._kept.values() for place in queued(kept))
        shown = _by_case(tuple(row) for row in queues)
        for case in sorted((places.keys() | shown.keys()) - beyond):
            if places.get(case) != shown.get(case):
                yield f"case {case} in the read model is not in the queues that the log folds to"
        counts = f"{len(issues):,} issues, {len(cases):,} cases, {len(queues):,} places in queues"
        self.checked = [f"{counts} and {len(teams):,} teams of the read model equal to the fold"]

    def _wanted(self) -> dict[str, dict[str, Fields]]:
        wanted: dict[str, dict[str, Fields]] = {"issue": {}, "case": {}, "team": {}}
        for key, kept in self._kept.items():
            at = (_encode(kept.state), kept.version, kept.position)
            match kept.state:
                case Issue() as issue:
                    served = list(issue.ops_issues)
                    wanted["issue"][key] = (kept.begun, issue.team, issue.status, served, *at)
                case Case():
                    wanted["case"][key] = (kept.begun, *at)
                case Team():
                    wanted["team"][key] = at
                case _:
                    pass
        return wanted


def _by_case(places: Iterable[Fields]) -> dict[str, Fields]:
    by_case: dict[str, list[Fields]] = {}
    for place in places:
        by_case.setdefault(place[1], []).append(place)
    return {case: tuple(sorted(found)) for case, found in by_case.items()}

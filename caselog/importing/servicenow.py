"""A ServiceNow incident log as events: the differences between the snapshots of an incident.

Pure: rows in, the events to publish out, in the order in which they must be recorded. The table of
differences is ``docs/publishers/servicenow.md``; rows are as in the public data set "Incident
management process enriched event log" (UCI Machine Learning Repository, DOI 10.24432/C57S4H).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, Literal

SYSTEM: Final = "servicenow"
SOURCE: Final = "/servicenow/incidents"
UNKNOWN: Final = "?"
NO_MEANING: Final = "-100"
OPENED: Final = "opened"

AWAITED_FROM: Final[Mapping[str, str]] = {
    "Awaiting User Info": "customer",
    "Awaiting Vendor": "vendor",
    "Awaiting Problem": "other",
    "Awaiting Evidence": "customer",
}
RESOLUTIONS: Final[Mapping[str, str]] = {
    "code 8": "Working as Intended",
    "code 9": "Cannot Reproduce",
    "code 11": "Configuration Issue",
    "code 5": "Won't Do",
}
WORKFLOW: Final = {
    "statuses": ["To Do", "In Progress", "Needs Ops Review", "Done", "Rejected"],
    "default": "To Do",
    "review": "Needs Ops Review",
    "closed": ["Done", "Rejected"],
}
_COLUMNS: Final = (
    "number",
    "incident_state",
    "sys_mod_count",
    "sys_updated_at",
    "opened_at",
    "priority",
    "assignment_group",
    "category",
    "subcategory",
    "u_symptom",
    "caller_id",
    "resolved_by",
    "closed_code",
)
_GROUP: Final = re.compile(r"(?<![0-9])0*([0-9]{1,15})\Z")
"""A team key has 16 characters at most."""
GROUP_CHARS_SHOWN: Final = 100
_MOMENT: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})")

Row = Mapping[str, str]
Service = Literal["ops", "eng"]


class UnusableLog(Exception):
    """The file is not an incident log of this shape; the message names the line and the column."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One event to publish: its idempotent id, where to, what and when (UTC)."""

    id: str
    service: Service
    type: str
    time: datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Incident:
    """The events of one incident; ``closed`` if its last state is Closed.

    ``skipped`` counts rows and differences that add nothing, by reason; ``groups`` names the teams.
    """

    number: str
    events: list[Planned] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    closed: bool = False
    groups: dict[str, str] = field(default_factory=dict)


def check_columns(columns: Sequence[str] | None) -> None:
    """Raises UnusableLog that names what is missing."""
    missing = [name for name in _COLUMNS if name not in (columns or ())]
    if missing:
        raise UnusableLog(f"line 1: the columns {', '.join(missing)} are missing")


def incidents(rows: Iterable[Row]) -> Iterator[Incident]:
    """One plan per incident, whose rows must stand together, in any order among themselves.

    Raises UnusableLog for a row that cannot be read.
    """
    seen: set[str] = set()
    for number, group in groupby(rows, key=lambda row: row["number"]):
        if number in seen:
            raise UnusableLog(f"incident {number}: its rows do not stand together")
        seen.add(number)
        yield plan(number, list(group))


def plan(number: str, rows: Sequence[Row]) -> Incident:
    """The events of one incident from its snapshots."""
    return _Planner(number).run(sorted(rows, key=_order))


def moment(row: Row, column: str) -> datetime:
    """``29/2/2016 01:16`` in UTC. Raises UnusableLog."""
    match = _MOMENT.fullmatch(row[column])
    if match is None:
        raise UnusableLog(
            f"incident {row['number']}: {column} is {row[column]!r}, not day/month/year hour:minute"
        )
    day, month, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise UnusableLog(
            f"incident {row['number']}: {column} is {row[column]!r}: {error}"
        ) from None


def team_key(group: str) -> str:
    """``Group 56`` → ``G56``. Raises UnusableLog for a group without a number of 1 to 15 digits."""
    match = _GROUP.search(group)
    if match is None:
        shown = repr(group[:GROUP_CHARS_SHOWN])
        raise UnusableLog(f"assignment_group {shown} has no number that makes a team key")
    return f"G{match[1]}"


def _where(row: Row, column: str) -> str:
    return f"incident {row['number']}: {column} is {row[column]!r}"


def _order(row: Row) -> tuple[int, datetime]:
    try:
        count = int(row["sys_mod_count"])
    except ValueError:
        raise UnusableLog(f"{_where(row, 'sys_mod_count')}, not a number") from None
    return count, moment(row, "sys_updated_at")


class _Planner:
    """Follows one incident: what has been published so far decides what a snapshot adds."""

    def __init__(self, number: str) -> None:
        self._incident = Incident(number)
        self._row_index = 0
        self._state = "New"
        self._priority = ""
        self._team: str | None = None
        self._claims: set[str] = set()
        self._done: set[str] = set()
        self._asking: set[str] = set()

    def run(self, rows: Sequence[Row]) -> Incident:
        for self._row_index, row in enumerate(rows):
            before = len(self._incident.events)
            if self._row_index == 0:
                self._open(row)
            self._follow(row)
            self._incident.rows += 1
            if len(self._incident.events) == before:
                self._incident.skipped["nothing new"] += 1
        self._incident.closed = self._state == "Closed"
        return self._incident

    def _say(self, service: Service, event: str, time: datetime, **data: object) -> None:
        identity = f"{self._incident.number}-{self._row_index}-{len(self._incident.events)}"
        self._incident.events.append(Planned(identity, service, event, time, data))

    def _open(self, row: Row) -> None:
        words = (row["category"], row["subcategory"], row["u_symptom"])
        self._priority = row["priority"]
        self._say(
            "ops",
            OPENED,
            moment(row, "opened_at"),
            summary=" / ".join(words),
            description=f"Imported from ServiceNow incident {row['number']}.",
            severity=row["priority"],
            reporter=row["caller_id"],
            source_case={"system": SYSTEM, "number": row["number"]},
        )

    def _follow(self, row: Row) -> None:
        state = row["incident_state"]
        if state == NO_MEANING:
            self._incident.skipped["a state that means nothing"] += 1
            state = self._state
        if self._state == "Closed":
            if state == "Closed":
                # What changes behind a closing waits for a reopening: nobody acts on it before.
                return
            self._reopen(row)
        at = moment(row, "sys_updated_at")
        if row["priority"] != self._priority:
            self._priority = row["priority"]
            self._say("ops", "amend", at, severity=row["priority"])
        if row["assignment_group"] != UNKNOWN:
            self._assign(row["assignment_group"], at)
        if state != self._state:
            self._enter(state, row, at)
            self._state = state

    def _assign(self, group: str, at: datetime) -> None:
        team = team_key(group)
        self._incident.groups[team] = group
        if team == self._team:
            return
        before, self._team = self._team, team
        if before is not None and before not in self._done:
            self._claims.discard(before)
            self._asking.discard(before)
            comment = f"Reassigned to {group}."
            self._say("eng", "rejected", at, team=before, belongs_to=team, comment=comment)
        self._say("ops", "assign-team", at, team=team)

    def _enter(self, state: str, row: Row, at: datetime) -> None:
        if state == "Active":
            self._become_active(at)
        elif state in AWAITED_FROM:
            self._await_info(state, at)
        elif state == "Resolved":
            self._resolve(row, at)
        elif state == "Closed":
            self._close(row, at)
        else:
            self._incident.skipped[f"no rule for the state {state}"] += 1

    def _become_active(self, at: datetime) -> None:
        if self._team is None:
            self._incident.skipped["Active with no group known"] += 1
            return
        handed_back = self._state in AWAITED_FROM or self._state == "Resolved"
        if handed_back or self._team in self._done:
            self._say(
                "ops",
                "return-to-engineering",
                at,
                teams=[self._team],
                comment=f"{self._state} to Active in ServiceNow.",
            )
            self._asking.discard(self._team)
            if self._team in self._done:
                self._done.discard(self._team)
                self._claims.add(self._team)
        self._claim(at)

    def _claim(self, at: datetime) -> None:
        if self._team is not None and self._team not in self._claims:
            self._claims.add(self._team)
            self._asking.discard(self._team)
            self._say("eng", "claimed", at, team=self._team)

    def _await_info(self, state: str, at: datetime) -> None:
        if self._team in self._claims and self._team not in self._asking:
            self._asking.add(self._team)
            self._say("eng", "sent-to-review", at, team=self._team, comment=f"{state}.")
        self._say("ops", "await-info", at, **{"from": AWAITED_FROM[state], "comment": f"{state}."})

    def _resolve(self, row: Row, at: datetime) -> None:
        if self._team is None:
            self._say("ops", "take-ownership", at, assignee=row["resolved_by"])
            return
        if self._team in self._done:
            return
        self._claim(at)
        self._claims.discard(self._team)
        self._asking.discard(self._team)
        self._done.add(self._team)
        resolution = _resolution(row)
        self._say(
            "eng",
            "closed",
            at,
            team=self._team,
            resolution=resolution,
            comment=f"Resolved in ServiceNow by {row['resolved_by']}, {row['closed_code']}.",
        )

    def _close(self, row: Row, at: datetime) -> None:
        comment = f"Closed in ServiceNow, {row['closed_code']}."
        self._say("ops", "close", at, resolution=_resolution(row), comment=comment)

    def _reopen(self, row: Row) -> None:
        self._say(
            "ops",
            "reopen",
            moment(row, "sys_updated_at"),
            reason="late-verification",
            comment=f"{row['incident_state']} again in ServiceNow.",
        )
        self._state = "Reopened"


def _resolution(row: Row) -> str:
    return RESOLUTIONS.get(row["closed_code"], "Done")

"""What a list of issues is narrowed to. Each filter is told twice: to PostgreSQL, and of a state.

The second is for lists as of a past moment, where the read model knows the present only. A test
holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from services.ops_issues.domain.ops_issue import OpsIssue, WaitingOnInfo
from shared.events.vocabulary import Severity, Status

QueueName = Literal["new", "unacknowledged", "waiting-on-customer", "needs-review", "mine"]
QUEUES: Final[tuple[QueueName, ...]] = get_args(QueueName)
"""The queues that are not a team's."""
TEAM_QUEUE: Final = r"team:([A-Z][A-Z0-9]{0,15}|Product)"
"""The names of the queues of teams, as a pattern."""
_TEAM_QUEUE: Final = re.compile(TEAM_QUEUE)


class Queue(Struct, frozen=True):
    """A worklist of open issues: one of Operations', or all that one team is asked to look at."""

    name: QueueName | Literal["team"]
    team: str = ""


class Filter(Struct, frozen=True, kw_only=True):
    """Every given member must hold.

    Attributes:
        team: In Team(s).
        source_case: ``<system>:<number>``.
        q: Words in summary and description, or in a comment, as people write searches:
            ``"in quotes"``, ``or``, ``-not``.
        me: Whose ``mine`` is.
    """

    status: Status | None = None
    team: str | None = None
    queue: Queue | None = None
    severity: Severity | None = None
    assignee: str | None = None
    source_case: str | None = None
    q: str | None = None
    me: str = ""


def parse_queue(name: str) -> Queue | None:
    """The queue of that name; None if there is none."""
    for known in QUEUES:
        if name == known:
            return Queue(known)
    match = _TEAM_QUEUE.fullmatch(name)
    return None if match is None else Queue("team", match[1])


def conditions(wanted: Filter, first: int) -> tuple[list[str], list[Any]]:
    """The filter in SQL over ``issue``, without ``q``: conditions, and arguments from $first on."""
    said: list[str] = []
    arguments: list[Any] = []

    def add(condition: str, *values: str) -> None:
        said.append(condition.format(f"${first + len(arguments)}"))
        arguments.extend(value.replace("\0", " ") for value in values)

    if wanted.status is not None:
        add("status = {}", wanted.status)
    if wanted.team is not None:
        add("teams @> ARRAY[{}::text]", wanted.team)
    if wanted.severity is not None:
        add("severity = {}", wanted.severity)
    if wanted.assignee is not None:
        add("assignee = {}", wanted.assignee)
    if wanted.source_case is not None:
        add("source_case = {}", wanted.source_case)
    match wanted.queue:
        case None:
            pass
        case Queue("mine"):
            add("is_open AND assignee = {}", wanted.me)
        case Queue("team", team):
            add("is_open AND teams @> ARRAY[{}::text]", team)
        case Queue(name):
            add(QUEUE_CONDITIONS[name])
    return said, arguments


QUEUE_CONDITIONS: Final[Mapping[str, str]] = {
    "new": "status = 'New'",
    "unacknowledged": "is_open AND NOT acknowledged",
    "waiting-on-customer": "awaits_customer",
    "needs-review": "status = 'Needs Ops Review'",
}

_IN_QUEUE: Final[Mapping[str, Callable[[OpsIssue], bool]]] = {
    "new": lambda issue: issue.status == "New",
    "unacknowledged": lambda issue: not issue.is_closed and issue.acknowledged_at is None,
    "waiting-on-customer": lambda issue: (
        isinstance(issue.stage, WaitingOnInfo) and issue.stage.awaited_from == "customer"
    ),
    "needs-review": lambda issue: issue.status == "Needs Ops Review",
}


def holds(wanted: Filter, issue: OpsIssue) -> bool:
    """Whether an issue passes the filter, without ``q``."""
    case = issue.source_case
    name = None if case is None else f"{case.system}:{case.number}"
    return (
        wanted.status in {None, issue.status}
        and (wanted.team is None or wanted.team in issue.assigned)
        and wanted.severity in {None, issue.severity}
        and wanted.assignee in {None, issue.assignee}
        and wanted.source_case in {None, name}
        and (wanted.queue is None or _is_in(wanted.queue, issue, wanted.me))
    )


def _is_in(queue: Queue, issue: OpsIssue, me: str) -> bool:
    match queue:
        case Queue("mine"):
            return not issue.is_closed and issue.assignee == me
        case Queue("team", team):
            return not issue.is_closed and team in issue.assigned
        case Queue(name):
            return _IN_QUEUE[name](issue)

"""The case: what Engineering knows of one ops issue, in the stream of its key.

The stream holds what Operations said about it, as received, and what Engineering itself published.
Operations owns the issue: its status is shown as Operations stated it last and never computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from services.eng_issues.domain import crossing, parts
from services.eng_issues.domain.crossing import NOT_YET_PUBLISHED, Crossing
from services.eng_issues.domain.issue import Comment
from services.eng_issues.domain.parts import Part, Parts
from shared.events import eng, ops
from shared.events.envelope import AnyRecorded, Unreadable
from shared.events.vocabulary import Resolution, Severity, SourceCase, Status


class Link(Struct, frozen=True, kw_only=True):
    """The engineering issue of one team, on its board here or on a tracker elsewhere.

    ``status`` is what was last said of it there, None before it first moved.
    """

    issue: str
    status: str | None = None


class Held(Struct, frozen=True, kw_only=True):
    """A received event that waits: one that cannot be read (no ``event``), or one behind it.

    ``event`` is the whole event in JSON, to be taken in when its turn comes.
    """

    id: UUID
    type: str
    event: bytes = b""


class Case(Struct, frozen=True, kw_only=True):
    """One ops issue as Engineering sees it. ``opened_at`` is None before ``opened`` was read.

    ``held`` are the received events from the first one on that this version cannot read: they wait
    behind it and do not count yet. ``links`` has at most one engineering issue for each team.
    """

    key: str
    opened_at: datetime | None = None
    summary: str = ""
    description: str = ""
    severity: Severity = "4 - Low"
    board: str = ""
    product: str = ""
    reporter: str = ""
    source_case: SourceCase | None = None
    status: Status = "New"
    status_since: datetime | None = None
    resolution: Resolution | None = None
    crossing: Crossing = Crossing()
    links: Mapping[str, Link] = {}
    comments: tuple[Comment, ...] = ()
    held: tuple[Held, ...] = ()

    @property
    def parts(self) -> Parts:
        """Every team's part as it is, if nothing more is said."""
        return self.crossing.now

    @property
    def closed(self) -> bool:
        """Whether Operations has closed it, as far as Engineering knows."""
        return self.crossing.now.closed

    def part(self, team: str) -> Part:
        return self.crossing.now.of(team)

    def issue_of(self, team: str) -> str | None:
        """Key of the team's engineering issue."""
        link = self.links.get(team)
        return link.issue if link else None


class Effect(StrEnum):
    """Why a received event changed nothing that Engineering acts on. Public names, as of rules."""

    OPS_ISSUE_NOT_OPENED = "ops-issue-not-opened"
    NOT_SAID_BY_OPERATIONS = "not-said-by-operations"
    CLAIM_CROSSED = "claim-crossed"
    REJECTION_CROSSED = "rejection-crossed"
    TEAM_NOT_ASSIGNED = "team-not-assigned"


class Outcome(Struct, frozen=True):
    """How a received event ended; ``rule`` says why it had no effect."""

    kind: Literal["applied", "duplicate", "no-effect", "parked"]
    rule: Effect | None = None


APPLIED: Final = Outcome("applied")
DUPLICATE: Final = Outcome("duplicate")
PARKED: Final = Outcome("parked")

_encode: Final = msgspec.json.Encoder().encode
_Received = (
    ops.Opened
    | ops.Amended
    | ops.TeamAssigned
    | ops.TeamUnassigned
    | ops.ReturnedToEngineering
    | ops.Commented
    | ops.UpdateRequested
    | ops.StatusChanged
    | ops.Closed
    | ops.Reopened
)


def evolve_case(case: Case, event: AnyRecorded) -> Case:
    """The case after the event, whoever said it. Total: no event fails in any state."""
    return receive(case, event)[0]


def receive(case: Case, event: AnyRecorded) -> tuple[Case, Outcome]:
    """The case after the event, and its outcome; Engineering's own events are always applied."""
    if event.source != ops.SOURCE:
        return _said(case, event), APPLIED
    if case.held or isinstance(event.data, Unreadable):
        return replace(case, held=(*case.held, _holding(event))), PARKED
    if not isinstance(event.data, _Received):
        return case, Outcome("no-effect", Effect.NOT_SAID_BY_OPERATIONS)
    if case.opened_at is None and not isinstance(event.data, ops.Opened):
        return case, Outcome("no-effect", Effect.OPS_ISSUE_NOT_OPENED)
    return _received(case, event, event.data)


def _holding(event: AnyRecorded) -> Held:
    unread = isinstance(event.data, Unreadable)
    return Held(id=event.id, type=event.type, event=b"" if unread else _encode(event))


def _received(case: Case, event: AnyRecorded, data: _Received) -> tuple[Case, Outcome]:
    match data:
        case ops.Opened():
            return _opened(case, event, data)
        case ops.Amended():
            return _changed(case, _amended(case, data))
        case ops.TeamAssigned():
            return _assigned(case, event, data)
        case ops.TeamUnassigned():
            return _unassigned(case, event, data)
        case ops.ReturnedToEngineering(teams=teams, heard=heard):
            after = _heard(case, heard, partial(parts.returned, teams=teams, at=event.time))
            if any(after.part(team).taken for team in teams):
                return after, APPLIED
            return after, Outcome("no-effect", Effect.TEAM_NOT_ASSIGNED)
        case ops.Commented():
            return _commented(case, event, data), APPLIED
        case ops.UpdateRequested():
            return case, APPLIED
        case ops.StatusChanged(to_status=status):
            if status == case.status:
                return case, DUPLICATE
            return replace(case, status=status, status_since=event.time), APPLIED
        case ops.Closed(resolution=resolution, heard=heard):
            after = _heard(replace(case, resolution=resolution), heard, parts.closed)
            return after, DUPLICATE if case.closed else APPLIED
        case ops.Reopened(heard=heard):
            after = _heard(replace(case, resolution=None), heard, parts.reopened)
            return after, APPLIED if case.closed else DUPLICATE


def _opened(case: Case, event: AnyRecorded, data: ops.Opened) -> tuple[Case, Outcome]:
    if case.opened_at is not None:
        return case, DUPLICATE
    opened = replace(
        case,
        opened_at=event.time,
        status_since=event.time,
        summary=data.summary,
        description=data.description,
        severity=data.severity,
        board=data.board,
        product=data.product,
        reporter=data.reporter,
        source_case=data.source_case,
    )
    return opened, APPLIED


def _amended(case: Case, data: ops.Amended | ops.TeamAssigned) -> Case:
    return replace(
        case,
        summary=case.summary if data.summary is None else data.summary,
        description=case.description if data.description is None else data.description,
        severity=case.severity if data.severity is None else data.severity,
    )


def _assigned(case: Case, event: AnyRecorded, data: ops.TeamAssigned) -> tuple[Case, Outcome]:
    assign = partial(parts.assigned, team=data.team, at=event.time)
    after = _heard(_amended(case, data), data.heard, assign)
    if not after.part(data.team).assigned:
        return after, Outcome("no-effect", Effect.REJECTION_CROSSED)
    return after, DUPLICATE if case.part(data.team).assigned else APPLIED


def _unassigned(case: Case, event: AnyRecorded, data: ops.TeamUnassigned) -> tuple[Case, Outcome]:
    unassign = partial(parts.unassigned, team=data.team, at=event.time)
    after = _heard(case, data.heard, unassign)
    if after.part(data.team).claim != "none":
        return after, Outcome("no-effect", Effect.CLAIM_CROSSED)
    return after, APPLIED if case.part(data.team).taken else DUPLICATE


def _commented(case: Case, event: AnyRecorded, data: ops.Commented | eng.Commented) -> Case:
    comment = Comment(
        at=event.time,
        actor=event.actor,
        comment=data.comment,
        visibility=data.visibility,
        captured_from=data.captured_from,
    )
    return replace(case, comments=(*case.comments, comment))


def _said(case: Case, event: AnyRecorded) -> Case:
    """What Engineering published about it."""
    match event.data:
        case eng.Claimed(team=team, issue=issue) as data:
            return _linked(_spoke(case, event, data), team, issue)
        case eng.Rejected() | eng.SentToReview() | eng.Closed() as data:
            return _spoke(case, event, data)
        case eng.Progressed(team=team, issue=issue, to_status=status):
            if case.issue_of(team) != issue:
                return case
            return replace(case, links={**case.links, team: Link(issue=issue, status=status)})
        case eng.Linked(team=team, issue=issue):
            return _linked(case, team, issue)
        case eng.Unlinked(team=team, issue=issue) if case.issue_of(team) == issue:
            left = {other: link for other, link in case.links.items() if other != team}
            return replace(case, links=left)
        case eng.Commented() as data:
            return _commented(case, event, data)
        case _:
            return case


def _spoke(case: Case, event: AnyRecorded, data: crossing.SpokenPart) -> Case:
    sequence = _sequence(event.sequence)
    return replace(case, crossing=crossing.said(case.crossing, sequence, event.time, data))


def _sequence(sequence: int | UnsetType) -> int:
    return NOT_YET_PUBLISHED if sequence is UNSET else sequence


def _heard(case: Case, upto: int, fact: Callable[[Parts], Parts]) -> Case:
    return replace(case, crossing=crossing.heard(case.crossing, upto, fact))


def _linked(case: Case, team: str, issue: str) -> Case:
    if case.issue_of(team) == issue:
        return case
    return replace(case, links={**case.links, team: Link(issue=issue)})


def _changed(before: Case, after: Case) -> tuple[Case, Outcome]:
    return after, DUPLICATE if after == before else APPLIED

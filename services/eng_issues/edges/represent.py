"""What Engineering shows of its issues, cases and teams, as the public contract has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.parts import State as PartState
from services.eng_issues.domain.team import Team
from shared.events.vocabulary import Resolution, Severity, Status, Visibility, Workflow

TYPE: Literal["Engr Customer Issue"] = "Engr Customer Issue"


class CommentView(Struct, frozen=True, kw_only=True):
    """What somebody said, when; on account of which ops issue, if of one alone."""

    at: datetime
    actor: str
    comment: str
    visibility: Visibility
    captured_from: str | None
    ops_issue: str | None


class CaseView(Struct, frozen=True, kw_only=True):
    """An ops issue that the engineering issue serves, as Operations stated it last.

    Attributes:
        ops_issue: Its key.
        status: Operations' latest statement of its status.
        closed: Whether Operations has closed it.
        resolution: With what resolution.
        severity: How bad it is for the customer.
        summary: It in one line.
        state: The part that the engineering issue's team has in it.
    """

    ops_issue: str
    status: Status
    closed: bool
    resolution: Resolution | None
    severity: Severity
    summary: str
    state: PartState


class IssueView(Struct, frozen=True, kw_only=True):
    """An engineering issue; ``ops_issues`` are those that it serves, ``cases`` what they say."""

    key: str
    team: str
    type: Literal["Engr Customer Issue"]
    status: str
    status_since: datetime
    summary: str
    description: str
    severity: Severity
    ops_issues: tuple[str, ...]
    cases: tuple[CaseView, ...]
    clone_of: str | None
    assignee: str | None
    resolution: str | None
    created_at: datetime
    comments: tuple[CommentView, ...]
    version: int
    position: int


class PartView(Struct, frozen=True, kw_only=True):
    """A team's part in an ops issue for which it has no engineering issue here."""

    ops_issue: str
    team: str
    state: PartState
    version: int
    position: int


class TeamView(Struct, frozen=True, kw_only=True):
    """A team and its workflow."""

    team: str
    name: str
    workflow: Workflow
    domains: tuple[str, ...]
    manager: str | None
    product_manager: str | None
    channel: str | None
    version: int
    position: int


def issue_view(issue: Issue, version: int, position: int, cases: Mapping[str, Case]) -> IssueView:
    """The issue at this version; ``cases`` has the ops issues that it serves."""
    comments = tuple(
        CommentView(
            at=said.at,
            actor=said.actor,
            comment=said.comment,
            visibility=said.visibility,
            captured_from=said.captured_from,
            ops_issue=said.ops_issue,
        )
        for said in issue.comments
    )
    return IssueView(
        key=issue.key,
        team=issue.team,
        type=TYPE,
        status=issue.status,
        status_since=issue.status_since,
        summary=issue.summary,
        description=issue.description,
        severity=issue.severity,
        ops_issues=issue.ops_issues,
        cases=tuple(_case(cases[key], issue.team) for key in issue.ops_issues if key in cases),
        clone_of=issue.clone_of,
        assignee=issue.assignee,
        resolution=issue.resolution,
        created_at=issue.created_at,
        comments=comments,
        version=version,
        position=position,
    )


def _case(case: Case, team: str) -> CaseView:
    return CaseView(
        ops_issue=case.key,
        status=case.status,
        closed=case.closed,
        resolution=case.resolution,
        severity=case.severity,
        summary=case.summary,
        state=case.part(team).state,
    )


def part_view(case: Case, team: str, version: int, position: int) -> PartView:
    return PartView(
        ops_issue=case.key,
        team=team,
        state=case.part(team).state,
        version=version,
        position=position,
    )


def team_view(team: Team, version: int, position: int) -> TeamView:
    return TeamView(
        team=team.key,
        name=team.name,
        workflow=team.workflow,
        domains=team.domains,
        manager=team.manager,
        product_manager=team.product_manager,
        channel=team.channel,
        version=version,
        position=position,
    )

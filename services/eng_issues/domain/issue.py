"""An engineering issue, as its stream tells: private events only."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from services.eng_issues.domain.events import (
    IssueAmended,
    IssueAssigned,
    IssueCommented,
    IssueCreated,
    IssueLinked,
    IssueMoved,
    IssueUnlinked,
    TeamDropped,
)
from shared.events.envelope import AnyRecorded
from shared.events.vocabulary import Severity, Visibility


class Comment(Struct, frozen=True, kw_only=True):
    """What somebody said, here or on an ops issue that the engineering issue serves."""

    at: datetime
    actor: str
    comment: str
    visibility: Visibility
    captured_from: str | None = None
    ops_issue: str | None = None


class Issue(Struct, frozen=True, kw_only=True):
    """One issue on a team's board.

    ``resolution`` is there while its work is closed: closing sets it, moving back to work clears
    it, and waiting in review keeps it.
    """

    key: str
    team: str
    status: str
    status_since: datetime
    summary: str
    description: str
    severity: Severity
    created_at: datetime
    clone_of: str | None = None
    ops_issues: tuple[str, ...] = ()
    assignee: str | None = None
    resolution: str | None = None
    comments: tuple[Comment, ...] = ()


def evolve_created(event: AnyRecorded, data: IssueCreated) -> Issue:
    """An issue begins."""
    return Issue(
        key=event.subject,
        team=data.team,
        status=data.status,
        status_since=event.time,
        summary=data.summary,
        description=data.description,
        severity=data.severity,
        created_at=event.time,
        clone_of=data.clone_of,
    )


def evolve_issue(issue: Issue, event: AnyRecorded) -> Issue:
    """The issue after the event; one that is not its own changes nothing."""
    match event.data:
        case IssueMoved() as data:
            return replace(
                issue,
                status=data.to_status,
                status_since=event.time,
                resolution=data.resolution,
            )
        case IssueAssigned(assignee=assignee):
            return replace(issue, assignee=assignee)
        case IssueCommented() as data:
            said = Comment(
                at=event.time,
                actor=event.actor,
                comment=data.comment,
                visibility=data.visibility,
                captured_from=data.captured_from,
                ops_issue=data.ops_issue,
            )
            return replace(issue, comments=(*issue.comments, said))
        case IssueLinked(ops_issue=key) if key not in issue.ops_issues:
            return replace(issue, ops_issues=(*issue.ops_issues, key))
        case IssueUnlinked(ops_issue=key):
            left = tuple(each for each in issue.ops_issues if each != key)
            return replace(issue, ops_issues=left)
        case IssueAmended() as data:
            return replace(
                issue,
                summary=issue.summary if data.summary is None else data.summary,
                description=issue.description if data.description is None else data.description,
                severity=issue.severity if data.severity is None else data.severity,
            )
        case TeamDropped(comment=str(comment)) as data:
            notice = Comment(
                at=event.time,
                actor=event.actor,
                comment=comment,
                visibility="internal",
                ops_issue=data.ops_issue,
            )
            return replace(issue, comments=(*issue.comments, notice))
        case _:
            return issue

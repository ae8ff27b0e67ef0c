"""Moving an engineering issue on account of one ops issue: what every automation has in common.

Only a move by hand, or by a tracker, speaks for all ops issues that the issue serves
(``decisions/move.py``); to the others an automatic one is progress and nothing more.
"""

from __future__ import annotations

from services.eng_issues.domain.events import IssueLinked, IssueMoved, MoveOrigin, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.team import Team
from shared.events import eng


def on_board(issue: Issue | None, ops_issue: str, team: str) -> Issue | None:
    """The issue if it is the team's and serves the ops issue.

    A key on a tracker elsewhere may look like one of ours: what an issue serves, it says itself.
    """
    if issue is None or issue.team != team or ops_issue not in issue.ops_issues:
        return None
    return issue


def moved(
    issue: Issue,
    to_status: str,
    origin: MoveOrigin,
    ops_issue: str | None = None,
    *,
    resolution: str | None = None,
    comment: str | None = None,
) -> Said:
    """The move in the issue's own stream; ``resolution`` is the one it has from now on."""
    body = IssueMoved(
        from_status=issue.status,
        to_status=to_status,
        origin=origin,
        resolution=resolution,
        comment=comment,
        ops_issue=ops_issue,
    )
    return Said(subject=issue.key, data=body)


def progress(issue: Issue, to_status: str) -> eng.Progressed:
    """The move as an ops issue is told, where it means no more than that."""
    return eng.Progressed(
        team=issue.team, issue=issue.key, from_status=issue.status, to_status=to_status
    )


def progressed(issue: Issue, to_status: str, ops_issue: str) -> Said:
    """``progress``, said to one ops issue."""
    return Said(subject=ops_issue, data=progress(issue, to_status))


def to_default(
    issue: Issue, team: Team, origin: MoveOrigin, ops_issue: str, comment: str | None = None
) -> tuple[Said, ...]:
    """Back to the default status, from any; every ops issue it serves may follow it."""
    default = team.workflow.default
    if issue.status == default:
        return ()
    return (
        moved(issue, default, origin, ops_issue, comment=comment),
        *(progressed(issue, default, key) for key in issue.ops_issues),
    )


def linked(issue: str, ops_issue: str) -> Said:
    """The mirror of a link in the issue's own stream."""
    return Said(subject=issue, data=IssueLinked(ops_issue=ops_issue))

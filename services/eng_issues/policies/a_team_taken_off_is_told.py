"""Operations unassigned a team that held a claim: its issue stays linked, and says so.

The team closes the issue itself. A claim that crossed the unassignment stands: nothing is told.
"""

from __future__ import annotations

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import Said, TeamDropped
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import on_board
from shared.events import ops


def react(
    data: ops.TeamUnassigned, before: Case, after: Case, issue: Issue | None
) -> tuple[Said, ...]:
    """``before`` and ``after`` are the case around the unassignment."""
    held, holds = before.part(data.team).claim, after.part(data.team).claim
    issue = on_board(issue, after.key, data.team)
    if issue is None or held == "none" or holds != "none":
        return ()
    dropped = TeamDropped(ops_issue=after.key, comment=data.comment)
    return (Said(subject=issue.key, data=dropped),)

"""What a team does with its own issues that no ops issue's state depends on."""

from __future__ import annotations

from services.eng_issues.domain.commands import Assign, Comment, CreateIssue
from services.eng_issues.domain.events import IssueAssigned, IssueCommented, IssueCreated, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.team import Team
from shared.events import eng
from shared.events.decision import Accepted


def decide_create(command: CreateIssue, team: Team, key: str) -> Accepted[Said]:
    """An issue of the team's own, in the default status; it serves no ops issue yet."""
    created = IssueCreated(
        team=team.key,
        summary=command.summary,
        description=command.description,
        severity=command.severity,
        status=team.workflow.default,
    )
    return Accepted((Said(subject=key, data=created),))


def decide_assign(command: Assign, issue: Issue) -> Accepted[Said]:
    """Another person works on it."""
    if command.assignee == issue.assignee:
        return Accepted()
    assigned = IssueAssigned(assignee=command.assignee)
    return Accepted((Said(subject=issue.key, data=assigned),))


def decide_comment(command: Comment, issue: Issue) -> Accepted[Said]:
    """A comment on the issue, and on every ops issue it serves, where discussions live."""
    here = IssueCommented(
        comment=command.body,
        visibility=command.visibility,
        captured_from=command.captured_from,
    )
    there = eng.Commented(
        team=issue.team,
        issue=issue.key,
        comment=command.body,
        visibility=command.visibility,
        captured_from=command.captured_from,
    )
    told = (Said(subject=key, data=there) for key in issue.ops_issues)
    return Accepted((Said(subject=issue.key, data=here), *told))

"""Operations amended the case: a clone of it says the same; a team's own issue keeps its words."""

from __future__ import annotations

from typing import TypeVar

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import IssueAmended, Said
from services.eng_issues.domain.issue import Issue
from shared.events import ops

T = TypeVar("T")


def react(data: ops.Amended, case: Case, issue: Issue) -> tuple[Said, ...]:
    """What follows for one of the issues that serve the case."""
    if issue.clone_of != case.key or case.key not in issue.ops_issues:
        return ()
    amended = IssueAmended(
        ops_issue=case.key,
        summary=_new(data.summary, issue.summary),
        description=_new(data.description, issue.description),
        severity=_new(data.severity, issue.severity),
    )
    if amended == IssueAmended(ops_issue=case.key):
        return ()
    return (Said(subject=issue.key, data=amended),)


def _new(said: T | None, held: T) -> T | None:
    return None if said == held else said

"""Moving an engineering issue by hand: what it means to each ops issue that the issue serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.commands import Move
from services.eng_issues.domain.events import MoveOrigin, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import moved, progress
from services.eng_issues.domain.rules import Rule
from services.eng_issues.domain.team import Team
from shared.events import eng
from shared.events.decision import Accepted, Invalid, Refused


def decide_move(
    command: Move, team: Team, issue: Issue, cases: Mapping[str, Case], origin: MoveOrigin = "hand"
) -> Accepted[Said] | Refused | Invalid:
    """The issue has another status; ``cases`` are all ops issues that it serves."""
    if not team.knows(command.status):
        known = ", ".join(team.workflow.statuses)
        return Invalid("status", f"must be one of the workflow of {team.key}: {known}")
    if command.status == issue.status:
        return Accepted()
    refused = _must_say_why(command, team)
    if refused:
        return refused
    resolution = _resolution_after(command, team, issue)
    move = moved(issue, command.status, origin, resolution=resolution, comment=command.comment)
    told = (
        Said(subject=key, data=body)
        for key in issue.ops_issues
        for body in _what_it_means(command, team, issue, cases[key])
    )
    return Accepted((move, *told))


def _must_say_why(command: Move, team: Team) -> Refused | None:
    if team.is_review(command.status) and command.comment is None:
        return Refused(
            Rule.REVIEW_NEEDS_A_COMMENT,
            f"Moving to {command.status} asks Operations: a comment must hold the question",
        )
    if not team.is_closed(command.status):
        return None
    if command.resolution is None:
        return Refused(
            Rule.CLOSING_NEEDS_A_RESOLUTION,
            f"Moving to {command.status} closes the work: a resolution must say how it ended",
        )
    if command.comment is None:
        return Refused(
            Rule.CLOSING_NEEDS_A_COMMENT,
            f"Moving to {command.status} closes the work: a comment must say how it was resolved",
        )
    return None


def _resolution_after(command: Move, team: Team, issue: Issue) -> str | None:
    """Closing sets it, review keeps it, and going back to work clears it."""
    if team.is_closed(command.status):
        return command.resolution
    return issue.resolution if team.is_review(command.status) else None


def _what_it_means(
    command: Move, team: Team, issue: Issue, case: Case
) -> Iterator[eng.Claimed | eng.Closed | eng.SentToReview | eng.Progressed]:
    """To one ops issue: work closed, a question, closed work taken up again, or progress."""
    part = case.part(team.key)
    to_work = team.is_work(command.status)
    if team.is_closed(command.status) and part.claim == "open":
        assert command.resolution is not None
        assert command.comment is not None
        yield eng.Closed(
            team=team.key,
            issue=issue.key,
            resolution=command.resolution,
            comment=command.comment,
        )
        return
    asks = team.is_review(command.status) and part.claim == "open" and not case.closed
    if asks and not part.in_review:
        assert command.comment is not None
        yield eng.SentToReview(team=team.key, issue=issue.key, comment=command.comment)
        return
    if to_work and issue.resolution is not None and part.claim == "done":
        yield eng.Claimed(
            team=team.key, issue=issue.key, origin="reopened", comment=command.comment
        )
    yield progress(issue, command.status)

"""Linking a team's issue to an ops issue by hand, and taking back a link made by mistake."""

from __future__ import annotations

from typing import Final

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import IssueUnlinked, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import linked, on_board
from services.eng_issues.domain.rules import Rule, must_be_the_linked_one
from services.eng_issues.domain.team import Team
from shared.events import eng
from shared.events.decision import Accepted, Refused

LINKS_MAX: Final = 256
"""Ops issues that one engineering issue can serve: a move of it speaks in all their streams."""


def must_be_linkable(issue: Issue, team: Team) -> Refused | None:
    """Only the team's own issue, and only so many links."""
    if issue.team != team.key:
        return Refused(
            Rule.ISSUE_OF_ANOTHER_TEAM,
            f"{issue.key} is on the board of {issue.team}: {team.key} links an issue of its own",
        )
    if len(issue.ops_issues) >= LINKS_MAX:
        return Refused(
            Rule.TOO_MANY_LINKS, f"{issue.key} serves {LINKS_MAX} ops issues: link another issue"
        )
    return None


def decide_link(team: Team, case: Case, issue: Issue) -> Accepted[Said] | Refused:
    """The issue serves the ops issue too; also a closed one, and also without Team(s) or claim."""
    if case.issue_of(team.key) == issue.key:
        return Accepted()
    refused = must_be_the_linked_one(case, team, issue.key) or must_be_linkable(issue, team)
    if refused:
        return refused
    body = eng.Linked(team=team.key, issue=issue.key)
    return Accepted((linked(issue.key, case.key), Said(subject=case.key, data=body)))


def decide_unlink(
    team: Team, case: Case, key: str, issue: Issue | None
) -> Accepted[Said] | Refused:
    """The issue no longer serves the ops issue. While a claim stands on the link, it is needed.

    ``issue`` is the state of ``key``, None if it is not on a board here.
    """
    if case.issue_of(team.key) != key:
        return Accepted()
    if case.part(team.key).claim != "none":
        return Refused(
            Rule.TEAM_HOLDS_A_CLAIM,
            f"{team.key} holds its claim on {case.key} with {key}: rejecting gives both up",
        )
    return Accepted(unlinked(team, case, key, on_board(issue, case.key, team.key)))


def unlinked(team: Team, case: Case, key: str, issue: Issue | None) -> tuple[Said, ...]:
    """The link ends, on both sides if the issue is on a board here."""
    told = Said(subject=case.key, data=eng.Unlinked(team=team.key, issue=key))
    if issue is None:
        return (told,)
    return (told, Said(subject=issue.key, data=IssueUnlinked(ops_issue=case.key)))

"""The names of Engineering's rules, and those that several decisions keep.

The names are public: refusals carry them over HTTP and in receipts.
"""

from __future__ import annotations

from enum import StrEnum

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.team import Team
from shared.events.decision import Refused


class Rule(StrEnum):
    """Why a command is refused."""

    OPS_ISSUE_IS_CLOSED = "ops-issue-is-closed"
    ALREADY_CLAIMED = "already-claimed"
    WORK_IS_CLOSED = "work-is-closed"
    TEAM_NOT_ASSIGNED = "team-not-assigned"
    TEAM_HOLDS_NO_CLAIM = "team-holds-no-claim"
    TEAM_HOLDS_A_CLAIM = "team-holds-a-claim"
    LINK_NEEDS_A_COMMENT = "link-needs-a-comment"
    REVIEW_NEEDS_A_COMMENT = "review-needs-a-comment"
    CLOSING_NEEDS_A_COMMENT = "closing-needs-a-comment"
    CLOSING_NEEDS_A_RESOLUTION = "closing-needs-a-resolution"
    ONE_ISSUE_PER_TEAM = "one-issue-per-team"
    ISSUE_OF_ANOTHER_TEAM = "issue-of-another-team"
    ISSUE_NOT_LINKED = "issue-not-linked"
    TOO_MANY_LINKS = "too-many-links"


def must_be_open(case: Case) -> Refused | None:
    """Who wants to claim, reject or ask on a closed ops issue asks Operations first."""
    if not case.closed:
        return None
    return Refused(Rule.OPS_ISSUE_IS_CLOSED, f"{case.key} is closed: ask Operations to reopen it")


def must_not_be_done(case: Case, team: Team) -> Refused | None:
    """A team whose work is closed waits for a return, or moves its own issue back to work."""
    if case.part(team.key).claim != "done":
        return None
    return Refused(
        Rule.WORK_IS_CLOSED,
        f"The work of {team.key} on {case.key} is closed: Operations returns the issue to the team,"
        f" or the team moves {case.issue_of(team.key)} back to work",
    )


def must_have_a_say(case: Case, team: Team) -> Refused | None:
    """Rejecting and asking need the team in Team(s), or a claim."""
    if case.part(team.key).taken:
        return None
    return Refused(
        Rule.TEAM_NOT_ASSIGNED,
        f"{team.key} is not in Team(s) of {case.key} and holds no claim: it was not asked",
    )


def must_be_the_linked_one(case: Case, team: Team, issue: str | None) -> Refused | None:
    """A team has at most one engineering issue for each ops issue."""
    linked = case.issue_of(team.key)
    if issue is None or linked is None or issue == linked:
        return None
    return Refused(
        Rule.ONE_ISSUE_PER_TEAM,
        f"{team.key} has {linked} for {case.key} already: a team has one issue for each ops issue",
    )

"""Claim for [Team]: the team accepts the ops issue as its own."""

from __future__ import annotations

from msgspec.structs import replace

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.commands import Claim
from services.eng_issues.domain.decisions.link import must_be_linkable
from services.eng_issues.domain.events import IssueCreated, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import linked, on_board, to_default
from services.eng_issues.domain.rules import (
    Rule,
    must_be_open,
    must_be_the_linked_one,
    must_not_be_done,
)
from services.eng_issues.domain.team import Team
from shared.events import eng, intake_eng
from shared.events.decision import Accepted, Refused
from shared.events.vocabulary import ClaimOrigin

Decision = Accepted[Said] | Refused


def clones(case: Case, team: Team, command: Claim | intake_eng.Claimed) -> bool:
    """Whether an accepted claim makes a new issue on the team's board, and needs a key for it."""
    named = command.issue if isinstance(command, intake_eng.Claimed) else None
    return named is None and case.issue_of(team.key) is None and may_claim(case, team) is None


def may_claim(case: Case, team: Team) -> Refused | None:
    """A claim needs an open ops issue; a team claims once."""
    if case.part(team.key).claim == "open":
        return Refused(
            Rule.ALREADY_CLAIMED,
            f"{team.key} holds a claim on {case.key} already, with {case.issue_of(team.key)}",
        )
    return must_be_open(case) or must_not_be_done(case, team)


def decide_claim(
    command: Claim, team: Team, case: Case, issue: Issue | None, new_key: str | None
) -> Decision:
    """With the issue that is linked, or with a clone of the ops issue under ``new_key``.

    ``issue`` is the state of the team's linked issue, None if there is none or it is on a tracker
    elsewhere; ``new_key`` is given if ``clones`` says so.
    """
    return may_claim(case, team) or _claim(command, team, case, issue, new_key)


def decide_tracker_claim(
    command: intake_eng.Claimed, team: Team, case: Case, issue: Issue | None, new_key: str | None
) -> Decision:
    """A claim by a tracker elsewhere; one that names its own issue keeps that key.

    ``issue`` is the state of the named or the linked issue, None if it is not on a board here. A
    named one that is the team's and on its board is linked by the claim.
    """
    refused = may_claim(case, team) or must_be_the_linked_one(case, team, command.issue)
    if refused:
        return refused
    plain = Claim(comment=command.comment)
    if command.issue is None or case.issue_of(team.key) is not None:
        return _claim(plain, team, case, issue, new_key)
    if issue is None:
        return Accepted((_claimed(plain, team, case, command.issue, command.origin or "linked"),))
    refused = must_be_linkable(issue, team) or _explained(plain, team, case, issue.key)
    if refused:
        return refused
    return Accepted(
        (
            linked(issue.key, case.key),
            _claimed(plain, team, case, issue.key, "linked"),
            *_back_to_work(issue, team, case),
        )
    )


def _claim(
    command: Claim, team: Team, case: Case, issue: Issue | None, new_key: str | None
) -> Decision:
    key = case.issue_of(team.key)
    if key is None:
        assert new_key is not None, "a claim that clones needs a key for the clone"
        return Accepted(_clone(command, team, case, new_key))
    refused = _explained(command, team, case, key)
    if refused:
        return refused
    claimed = _claimed(command, team, case, key, "linked")
    issue = on_board(issue, case.key, team.key)
    return Accepted((claimed, *(_back_to_work(issue, team, case) if issue else ())))


def _explained(command: Claim, team: Team, case: Case, issue: str) -> Refused | None:
    if command.comment is not None:
        return None
    return Refused(
        Rule.LINK_NEEDS_A_COMMENT,
        f"{team.key} claims {case.key} with {issue}, which exists: a comment must explain the link",
    )


def _clone(command: Claim, team: Team, case: Case, key: str) -> tuple[Said, ...]:
    created = IssueCreated(
        team=team.key,
        summary=case.summary,
        description=case.description,
        severity=case.severity,
        status=team.workflow.default,
        clone_of=case.key,
    )
    return (
        Said(subject=key, data=created),
        linked(key, case.key),
        _claimed(command, team, case, key, "cloned"),
    )


def _claimed(command: Claim, team: Team, case: Case, issue: str, origin: ClaimOrigin) -> Said:
    body = eng.Claimed(team=team.key, issue=issue, origin=origin, comment=command.comment)
    return Said(subject=case.key, data=body)


def _back_to_work(issue: Issue, team: Team, case: Case) -> tuple[Said, ...]:
    """A claim begins work: an issue that is closed or asks goes to the default status."""
    if team.is_work(issue.status):
        return ()
    if case.key not in issue.ops_issues:
        issue = replace(issue, ops_issues=(*issue.ops_issues, case.key))
    return to_default(issue, team, "claimed", case.key)

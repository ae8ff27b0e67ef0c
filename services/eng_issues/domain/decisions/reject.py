"""Reject Issue: the ops issue is not the team's; a claim and the link are given up with it."""

from __future__ import annotations

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.commands import Reject
from services.eng_issues.domain.decisions.link import unlinked
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import moved, on_board
from services.eng_issues.domain.rules import must_be_open, must_have_a_say, must_not_be_done
from services.eng_issues.domain.team import REJECTED, Team
from shared.events import eng, intake_eng
from shared.events.decision import Accepted, Refused


def decide_reject(
    command: Reject | intake_eng.Rejected, team: Team, case: Case, issue: Issue | None
) -> Accepted[Said] | Refused:
    """The team leaves Team(s). ``issue`` is the state of the linked issue, if on a board here."""
    refused = must_be_open(case) or must_not_be_done(case, team) or must_have_a_say(case, team)
    if refused:
        return refused
    body = eng.Rejected(team=team.key, comment=command.comment, belongs_to=command.belongs_to)
    rejected = Said(subject=case.key, data=body)
    key = case.issue_of(team.key)
    if key is None:
        return Accepted((rejected,))
    issue = on_board(issue, case.key, team.key)
    ended = unlinked(team, case, key, issue)
    if issue is None or not _is_orphan_without(issue, team, case):
        return Accepted((rejected, *ended))
    status = team.closed_status(REJECTED)
    closing = moved(
        issue, status, "rejected", case.key, resolution=REJECTED, comment=command.comment
    )
    return Accepted((rejected, *ended, closing))


def _is_orphan_without(issue: Issue, team: Team, case: Case) -> bool:
    """Whether it is a clone, open, with no other ops issue to serve."""
    alone = issue.ops_issues == (case.key,)
    return issue.clone_of is not None and alone and not team.is_closed(issue.status)

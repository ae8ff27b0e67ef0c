"""What a tracker elsewhere says of a team's work, beside claims, rejections and questions.

Its issue may be on a board here (the claim cloned it): then that one moves. Or its key is the
tracker's own: then only the ops issue is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.commands import Move
from services.eng_issues.domain.decisions.move import decide_move
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import moved, on_board, progressed
from services.eng_issues.domain.rules import Rule, must_be_the_linked_one
from services.eng_issues.domain.team import Team
from shared.events import eng, intake_eng
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.vocabulary import UNKNOWN


def decide_tracker_closed(
    command: intake_eng.Closed,
    team: Team,
    case: Case,
    issue: Issue | None,
    cases: Mapping[str, Case],
) -> Accepted[Said] | Refused:
    """The team's work on this ops issue is done; on others that the issue serves it may go on.

    ``issue`` is the state of the linked issue, if on a board here, and ``cases`` all ops issues it
    serves. It closes with the last claim that is open on any of them.
    """
    refused = must_be_the_linked_one(case, team, command.issue)
    if refused:
        return refused
    key = case.issue_of(team.key)
    claim = case.part(team.key).claim
    if claim == "none" or key is None:
        return Refused(
            Rule.TEAM_HOLDS_NO_CLAIM,
            f"{team.key} holds no claim on {case.key}: claim it before closing work on it",
        )
    if claim == "done":
        return Accepted()
    body = eng.Closed(
        team=team.key, issue=key, resolution=command.resolution, comment=command.comment
    )
    issue = on_board(issue, case.key, team.key)
    moves = _closing(command, team, case, issue, cases) if issue else ()
    return Accepted((Said(subject=case.key, data=body), *moves))


def _closing(
    command: intake_eng.Closed, team: Team, case: Case, issue: Issue, cases: Mapping[str, Case]
) -> tuple[Said, ...]:
    others = [key for key in issue.ops_issues if key != case.key]
    if any(cases[key].part(team.key).claim == "open" for key in others):
        return ()
    status = team.closed_status(command.resolution)
    if issue.status == status:
        return ()
    move = moved(
        issue,
        status,
        "tracker",
        case.key,
        resolution=command.resolution,
        comment=command.comment,
    )
    return (move, *(progressed(issue, status, key) for key in others))


def decide_tracker_progressed(
    command: intake_eng.Progressed,
    team: Team,
    case: Case,
    issue: Issue | None,
    cases: Mapping[str, Case],
) -> Accepted[Said] | Refused | Invalid:
    """The linked issue has another status, on a board here under the rules of its workflow."""
    refused = must_be_the_linked_one(case, team, command.issue)
    if refused:
        return refused
    link = case.links.get(team.key)
    if link is None:
        return Refused(
            Rule.ISSUE_NOT_LINKED,
            f"{team.key} has no issue for {case.key}: claim it, or link one, before moving it",
        )
    issue = on_board(issue, case.key, team.key)
    if issue is not None:
        outcome = decide_move(Move(status=command.to_status), team, issue, cases, "tracker")
        if isinstance(outcome, Invalid):
            return Invalid("to_status", outcome.detail)
        return outcome
    if link.status == command.to_status:
        return Accepted()
    body = eng.Progressed(
        team=team.key,
        issue=link.issue,
        from_status=command.from_status or link.status or UNKNOWN,
        to_status=command.to_status,
    )
    return Accepted((Said(subject=case.key, data=body),))

"""Operations answered and returned the case: the named teams' issues go to the default status.

From any status, closed included; every other case that such an issue serves may follow it. The
answer becomes a comment on it. A team whose work is closed even so closed it on the way: it says
that it holds its claim again, because Operations will see the closing after its return.
"""

from __future__ import annotations

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import IssueCommented, Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import on_board, to_default
from services.eng_issues.domain.team import Team
from shared.events import eng, ops


def react(
    data: ops.ReturnedToEngineering, case: Case, team: Team, issue: Issue | None
) -> tuple[Said, ...]:
    """What follows for one of the named teams.

    ``case`` is as it is after the return; ``issue`` is the team's linked issue, if on a board here.
    """
    part = case.part(team.key)
    key = case.issue_of(team.key)
    if not part.taken or key is None:
        return ()
    issue = on_board(issue, case.key, team.key)
    moves = _back_to_work(data, case, team, issue) if issue else ()
    if part.claim != "done":
        return moves
    claimed = eng.Claimed(team=team.key, issue=key, origin="reopened")
    return (Said(subject=case.key, data=claimed), *moves)


def _back_to_work(
    data: ops.ReturnedToEngineering, case: Case, team: Team, issue: Issue
) -> tuple[Said, ...]:
    answer = IssueCommented(comment=data.answer, visibility="internal", ops_issue=case.key)
    return (
        *to_default(issue, team, "returned", case.key),
        Said(subject=issue.key, data=answer),
    )

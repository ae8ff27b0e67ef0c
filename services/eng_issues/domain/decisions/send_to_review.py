"""Send to Review: the team asks Operations a question, on this ops issue alone."""

from __future__ import annotations

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.commands import SendToReview
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.moves import moved, on_board, progressed
from services.eng_issues.domain.rules import (
    must_be_open,
    must_be_the_linked_one,
    must_have_a_say,
    must_not_be_done,
)
from services.eng_issues.domain.team import Team
from shared.events import eng, intake_eng
from shared.events.decision import Accepted, Refused


def decide_send_to_review(
    command: SendToReview | intake_eng.SentToReview, team: Team, case: Case, issue: Issue | None
) -> Accepted[Said] | Refused:
    """The team stays in Team(s) and keeps its claim; its linked issue moves to review.

    ``issue`` is the state of the linked issue, None if there is none or it is on a tracker
    elsewhere. The other ops issues that it serves are not asked.
    """
    named = command.issue if isinstance(command, intake_eng.SentToReview) else None
    refused = (
        must_be_open(case)
        or must_not_be_done(case, team)
        or must_have_a_say(case, team)
        or must_be_the_linked_one(case, team, named)
    )
    if refused:
        return refused
    if case.part(team.key).in_review:
        return Accepted()
    key = case.issue_of(team.key)
    body = eng.SentToReview(team=team.key, comment=command.comment, issue=key)
    issue = on_board(issue, case.key, team.key)
    moves = _to_review(issue, team, case, command.comment) if issue else ()
    return Accepted((Said(subject=case.key, data=body), *moves))


def _to_review(issue: Issue, team: Team, case: Case, question: str) -> tuple[Said, ...]:
    review = team.workflow.review
    if issue.status == review:
        return ()
    move = moved(issue, review, "asked", case.key, resolution=issue.resolution, comment=question)
    others = (key for key in issue.ops_issues if key != case.key)
    return (move, *(progressed(issue, review, key) for key in others))

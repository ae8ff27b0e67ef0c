"""Every policy behind one function, and what it must be told: received event in, reactions out."""

from __future__ import annotations

from collections.abc import Mapping

from services.eng_issues.domain.case import Case, Outcome
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.reaction import Reaction, reactions
from services.eng_issues.domain.team import Team
from services.eng_issues.policies import (
    a_returned_issue_goes_back_to_work,
    a_team_taken_off_is_told,
    an_amended_ops_issue_amends_its_clones,
)
from shared.events import ops
from shared.events.envelope import AnyRecorded


def concerned(event: AnyRecorded, case: Case) -> tuple[str, ...]:
    """The teams whose state, and whose linked issue's, ``react`` must be given."""
    match event.data:
        case ops.ReturnedToEngineering(teams=teams):
            return tuple(dict.fromkeys(team for team in teams if team in case.links))
        case ops.TeamUnassigned(team=team) if team in case.links:
            return (team,)
        case ops.Amended():
            return tuple(case.links)
        case _:
            return ()


def react(
    event: AnyRecorded,
    before: Case,
    after: Case,
    outcome: Outcome,
    teams: Mapping[str, Team],
    issues: Mapping[str, Issue],
) -> tuple[Reaction, ...]:
    """What Engineering says because of a received event, in order.

    ``before`` and ``after`` are the case around the event. ``teams`` holds the ``concerned`` ones,
    ``issues`` those of their linked issues that are on a board here, by their keys.
    """
    if outcome.kind in {"parked", "no-effect"}:
        return ()
    said: list[Said] = []
    for key in concerned(event, after):
        team, issue = teams.get(key), issues.get(after.links[key].issue)
        match event.data:
            case ops.ReturnedToEngineering() as data if team is not None:
                said += a_returned_issue_goes_back_to_work.react(data, after, team, issue)
            case ops.TeamUnassigned() as data:
                said += a_team_taken_off_is_told.react(data, before, after, issue)
            case ops.Amended() as data if issue is not None:
                said += an_amended_ops_issue_amends_its_clones.react(data, after, issue)
            case _:
                pass
    return reactions(said)

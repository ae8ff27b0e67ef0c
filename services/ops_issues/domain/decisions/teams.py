"""Which teams are asked, what they are answered, and when they are asked again."""

from __future__ import annotations

from services.ops_issues.domain.commands import (
    AssignTeam,
    RequestUpdate,
    ReturnToEngineering,
    UnassignTeam,
)
from services.ops_issues.domain.decisions.context import (
    Context,
    Decision,
    accepted,
    said,
    team_not_assigned,
)
from services.ops_issues.domain.facets import Facet
from services.ops_issues.domain.ops_issue import (
    EngineeringOwned,
    NeedsReview,
    New,
    OpsIssue,
    OpsOwned,
    Return,
    WaitingOnInfo,
    WithProduct,
)
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.decision import Invalid, Refused
from shared.events.vocabulary import PRODUCT


def decide_assign_team(command: AssignTeam, issue: OpsIssue, context: Context) -> Decision:
    if command.team != PRODUCT and command.team not in context.known_teams:
        return Invalid("team", f"{command.team} is no team that Engineering has defined")
    if command.team in issue.assigned:
        return accepted()
    return accepted(
        ops.TeamAssigned(
            team=command.team,
            summary=issue.summary,
            description=issue.description,
            severity=issue.severity,
            heard=issue.heard,
        )
    )


def decide_unassign_team(command: UnassignTeam, issue: OpsIssue, context: Context) -> Decision:
    held = issue.facet(command.team)
    if held is None or not held.assigned:
        return accepted()
    comment = said(command.comment)
    holds_claim = held.claim == "open"
    if holds_claim and comment is None:
        return Refused(
            Rule.UNASSIGNING_A_CLAIM_NEEDS_A_COMMENT,
            f"{held.team} holds a claim, which ends with this: tell it why in a comment",
        )
    return accepted(
        ops.TeamUnassigned(
            team=command.team, comment=comment, claim_dropped=holds_claim, heard=issue.heard
        )
    )


def decide_return_to_engineering(
    command: ReturnToEngineering, issue: OpsIssue, context: Context
) -> Decision:
    facets: list[Facet] = []
    for team in dict.fromkeys(command.teams):
        held = issue.facet(team)
        if held is None or not held.assigned:
            return team_not_assigned(team)
        facets.append(held)
    teams = tuple(facet.team for facet in facets)
    waits = any(facet.asking or facet.claim == "done" for facet in facets)
    if not waits and isinstance(issue.stage, New | EngineeringOwned):
        if issue.stage.returned == Return(teams, command.comment):
            return accepted()
        return Refused(
            Rule.NOTHING_TO_RETURN,
            f"the issue is in {issue.status}, and none of these teams has an open question or"
            " closed work: comment on it, or request an update",
        )
    assert waits or isinstance(issue.stage, NeedsReview | WaitingOnInfo | OpsOwned | WithProduct)
    return accepted(
        ops.ReturnedToEngineering(
            teams=teams,
            answer=command.comment,
            reopened=tuple(facet.team for facet in facets if facet.claim == "done"),
            heard=issue.heard,
        )
    )


def decide_request_update(command: RequestUpdate, issue: OpsIssue, context: Context) -> Decision:
    held = issue.facet(command.team)
    if held is None or not held.assigned:
        return team_not_assigned(command.team)
    if command.phase <= held.phase:
        return accepted()
    if command.phase > held.phase + 1:
        return Refused(
            Rule.PHASE_NOT_REACHED,
            f"phase {held.phase + 1} comes first: {_asked(held)}",
        )
    if held.asked_at is not None and context.at < (due := context.next_phase_at(held.asked_at)):
        return Refused(
            Rule.PHASE_TOO_EARLY,
            f"{_asked(held)}: wait for an answer until {due.isoformat(timespec='seconds')}",
        )
    return accepted(ops.UpdateRequested(team=command.team, phase=command.phase))


def _asked(facet: Facet) -> str:
    if facet.asked_at is None:
        return f"{facet.team} has answered, or was not asked yet"
    return f"{facet.team} was asked in phase {facet.phase}"

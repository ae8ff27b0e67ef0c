"""Whose turn it is, where Operations says so by hand."""

from __future__ import annotations

from services.ops_issues.domain import events
from services.ops_issues.domain.commands import (
    AwaitInfo,
    HandToProduct,
    ReturnToTriage,
    TakeOwnership,
)
from services.ops_issues.domain.decisions.context import Context, Decision, accepted, said
from services.ops_issues.domain.ops_issue import (
    New,
    OpsIssue,
    OpsOwned,
    WaitingOnInfo,
    WithProduct,
)
from services.ops_issues.domain.rules import Rule
from shared.events.decision import Refused
from shared.events.vocabulary import PRODUCT


def decide_take_ownership(command: TakeOwnership, issue: OpsIssue, context: Context) -> Decision:
    assignee = command.assignee or (context.name if context.is_person else None)
    if assignee is None:
        return Refused(
            Rule.OWNERSHIP_NEEDS_AN_ASSIGNEE,
            "a system cannot own an issue: name the person in assignee",
        )
    if isinstance(issue.stage, OpsOwned) and issue.assignee == assignee:
        return accepted()
    return accepted(events.OwnershipTaken(assignee=assignee))


def decide_await_info(command: AwaitInfo, issue: OpsIssue, context: Context) -> Decision:
    case_number = said(command.case_number)
    if command.awaited_from == "internal-jha" and case_number is None:
        return Refused(
            Rule.INTERNAL_JHA_NEEDS_A_CASE_NUMBER,
            "another JHA team works on a case of its own: give its number in case_number",
        )
    stage = issue.stage
    if isinstance(stage, WaitingOnInfo) and stage.answered_at is None:
        asked = (stage.awaited_from, stage.comment, stage.case_number)
        if asked == (command.awaited_from, command.comment, case_number):
            return accepted()
    return accepted(
        events.InfoAwaited(
            awaited_from=command.awaited_from, comment=command.comment, case_number=case_number
        )
    )


def decide_return_to_triage(command: ReturnToTriage, issue: OpsIssue, context: Context) -> Decision:
    if isinstance(issue.stage, New):
        return accepted()
    return accepted(events.ReturnedToTriage(comment=said(command.comment)))


def decide_hand_to_product(command: HandToProduct, issue: OpsIssue, context: Context) -> Decision:
    stage = issue.stage
    holds = PRODUCT in issue.assigned and issue.assignee == command.pm
    if isinstance(stage, WithProduct) and holds and stage.comment == command.comment:
        return accepted()
    return accepted(events.HandedToProduct(pm=command.pm, comment=command.comment))

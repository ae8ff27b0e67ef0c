"""Opening an issue, and what it says about itself."""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec.json import encode

from services.ops_issues.domain import events
from services.ops_issues.domain.commands import Acknowledge, AddInstitution, Amend, Open
from services.ops_issues.domain.decisions.context import Context, Decision, accepted
from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.domain.rules import Rule
from shared.events import ops
from shared.events.decision import Invalid, Refused
from shared.events.vocabulary import Institution, SourceCase

T = TypeVar("T")

TEXTS_KIB_MAX: Final = 240
"""Summary and description as JSON: what ``team-assigned`` has room for in its entry."""


def decide_open(command: Open, context: Context) -> Decision:
    case = command.source_case
    institutions = {i.id: Institution(id=i.id, name=i.name) for i in command.institutions}
    return accepted(
        ops.Opened(
            summary=command.summary,
            description=command.description,
            severity=command.severity,
            board=command.board,
            product=command.product,
            reporter=command.reporter or context.name,
            source_case=case
            and SourceCase(system=case.system, number=case.number, owner=case.owner),
            institutions=tuple(institutions.values()),
            prior_issue=command.prior_issue,
        )
    )


def refuse_second_issue(case: SourceCase, key: str) -> Refused:
    """The refusal to open an issue for a source case that has the issue ``key``."""
    return Refused(
        Rule.SOURCE_CASE_HAS_AN_ISSUE,
        f"{case.system}:{case.number} is {key} already: go on there",
    )


def decide_acknowledge(command: Acknowledge, issue: OpsIssue, context: Context) -> Decision:
    return accepted() if issue.acknowledged_at is not None else accepted(events.Acknowledged())


def decide_amend(command: Amend, issue: OpsIssue, context: Context) -> Decision:
    amended = ops.Amended(
        summary=_new(command.summary, issue.summary),
        description=_new(command.description, issue.description),
        severity=_new(command.severity, issue.severity),
    )
    summary = issue.summary if amended.summary is None else amended.summary
    description = issue.description if amended.description is None else amended.description
    grown = len(summary) + len(description) > len(issue.summary) + len(issue.description)
    if grown and len(encode((summary, description))) > TEXTS_KIB_MAX * 1024:
        return Invalid(
            "summary" if amended.description is None else "description",
            f"summary and description are together at most {TEXTS_KIB_MAX} KiB of JSON, so that"
            " an assignment can carry both to a team",
        )
    return accepted() if amended == ops.Amended() else accepted(amended)


def decide_add_institution(command: AddInstitution, issue: OpsIssue, context: Context) -> Decision:
    if Institution(id=command.id, name=command.name) in issue.institutions:
        return accepted()
    return accepted(events.InstitutionAdded(id=command.id, name=command.name))


def _new(given: T | None, held: T) -> T | None:
    return None if given == held else given

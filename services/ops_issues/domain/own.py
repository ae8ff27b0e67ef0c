"""How each event of Operations itself changes the issue. Every one is defined in every stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from services.ops_issues.domain import events
from services.ops_issues.domain.facets import Facet, answered, changed
from services.ops_issues.domain.ops_issue import (
    Closed,
    EngineeringOwned,
    Link,
    NeedsReview,
    New,
    OpsIssue,
    OpsOwned,
    Reopening,
    Return,
    WaitingOnInfo,
    WithProduct,
    entered,
    with_facet,
)
from shared.events import ops
from shared.events.envelope import Body
from shared.events.vocabulary import PRODUCT, TIER_2, Institution

Tell = Callable[[OpsIssue, Any, datetime], OpsIssue]


def opened(said: ops.Opened, key: str, at: datetime) -> OpsIssue:
    """A new issue; a prior one is linked as what it follows."""
    return OpsIssue(
        key=key,
        opened_at=at,
        summary=said.summary,
        description=said.description,
        severity=said.severity,
        board=said.board,
        product=said.product,
        reporter=said.reporter,
        source_case=said.source_case,
        stage=New(since=at),
        institutions=said.institutions,
        links=() if said.prior_issue is None else (Link("follows", said.prior_issue),),
    )


def _unchanged(issue: OpsIssue, said: Body, at: datetime) -> OpsIssue:
    return issue


def _amended(issue: OpsIssue, said: ops.Amended, at: datetime) -> OpsIssue:
    return replace(
        issue,
        summary=issue.summary if said.summary is None else said.summary,
        description=issue.description if said.description is None else said.description,
        severity=issue.severity if said.severity is None else said.severity,
    )


def _assign(issue: OpsIssue, team: str, at: datetime) -> OpsIssue:
    held = issue.facet(team)
    if held is None:
        return with_facet(issue, Facet(team=team, since=at, assigned=True))
    return with_facet(issue, changed(held, at, assigned=True, rejected=False))


def _team_assigned(issue: OpsIssue, said: ops.TeamAssigned, at: datetime) -> OpsIssue:
    return _assign(issue, said.team, at)


def _team_unassigned(issue: OpsIssue, said: ops.TeamUnassigned, at: datetime) -> OpsIssue:
    held = issue.facet(said.team)
    if held is None:
        return issue
    after = changed(held, at, assigned=False, claim=None, asking=False, phase=0, asked_at=None)
    return with_facet(issue, after)


def _ownership_taken(issue: OpsIssue, said: events.OwnershipTaken, at: datetime) -> OpsIssue:
    return entered(replace(issue, assignee=said.assignee), OpsOwned(since=at))


def _info_awaited(issue: OpsIssue, said: events.InfoAwaited, at: datetime) -> OpsIssue:
    stage = WaitingOnInfo(
        since=at,
        awaited_from=said.awaited_from,
        comment=said.comment,
        case_number=said.case_number,
    )
    after = entered(issue, stage)
    if said.awaited_from == "internal-jha":
        return _label(after, events.INTERNAL_JHA_LABEL)
    return after


def _customer_responded(issue: OpsIssue, said: events.CustomerResponded, at: datetime) -> OpsIssue:
    stage = issue.stage
    if isinstance(stage, WaitingOnInfo) and stage.awaited_from == "customer":
        return entered(issue, replace(stage, answered_at=at))
    return issue


def _handed_to_product(issue: OpsIssue, said: events.HandedToProduct, at: datetime) -> OpsIssue:
    with_product = _assign(replace(issue, assignee=said.pm), PRODUCT, at)
    return entered(with_product, WithProduct(since=at, pm=said.pm, comment=said.comment))


def _returned(issue: OpsIssue, said: ops.ReturnedToEngineering, at: datetime) -> OpsIssue:
    after, claimed_before = issue, False
    for team in said.teams:
        held = issue.facet(team)
        if held is None:
            continue
        claimed_before |= held.ever_claimed
        claim = "open" if held.claim == "done" else held.claim
        after = with_facet(after, changed(held, at, claim=claim, asking=False))
    returned = Return(said.teams, said.answer)
    if claimed_before:
        return entered(after, EngineeringOwned(since=at, returned=returned))
    return entered(after, New(since=at, returned=returned))


def _to_triage(issue: OpsIssue, said: events.ReturnedToTriage, at: datetime) -> OpsIssue:
    return entered(issue, New(since=at))


def _commented(issue: OpsIssue, said: ops.Commented, at: datetime) -> OpsIssue:
    after = replace(issue, comments=issue.comments + 1)
    for team in said.speaks_for:
        held = issue.facet(team)
        if held is not None:
            after = with_facet(after, answered(held, at))
    return after


def _label(issue: OpsIssue, label: str) -> OpsIssue:
    return issue if label in issue.labels else replace(issue, labels=(*issue.labels, label))


def _label_added(issue: OpsIssue, said: events.LabelAdded, at: datetime) -> OpsIssue:
    return _label(issue, said.label)


def _label_removed(issue: OpsIssue, said: events.LabelRemoved, at: datetime) -> OpsIssue:
    return replace(issue, labels=tuple(label for label in issue.labels if label != said.label))


def _institution_added(issue: OpsIssue, said: events.InstitutionAdded, at: datetime) -> OpsIssue:
    institution = Institution(id=said.id, name=said.name)
    known = [held.id for held in issue.institutions]
    if said.id not in known:
        return replace(issue, institutions=(*issue.institutions, institution))
    index = known.index(said.id)
    before, after = issue.institutions[:index], issue.institutions[index + 1 :]
    return replace(issue, institutions=(*before, institution, *after))


def _link(issue: OpsIssue, link: Link) -> OpsIssue:
    return issue if link in issue.links else replace(issue, links=(*issue.links, link))


def _linked(issue: OpsIssue, said: events.Linked, at: datetime) -> OpsIssue:
    return _link(issue, Link(said.kind, said.to))


def _unlinked(issue: OpsIssue, said: events.Unlinked, at: datetime) -> OpsIssue:
    gone = Link(said.kind, said.to)
    return replace(issue, links=tuple(link for link in issue.links if link != gone))


def _update_requested(issue: OpsIssue, said: ops.UpdateRequested, at: datetime) -> OpsIssue:
    held = issue.facet(said.team)
    if held is None:
        return issue
    return with_facet(issue, changed(held, at, phase=said.phase, asked_at=at))


def _status_changed(issue: OpsIssue, said: ops.StatusChanged, at: datetime) -> OpsIssue:
    return replace(issue, stated=said.to_status)


def _closed(issue: OpsIssue, said: ops.Closed, at: datetime) -> OpsIssue:
    stage = Closed(
        since=at,
        resolution=said.resolution,
        comment=said.comment,
        cause=said.cause,
        duplicate_of=said.duplicate_of,
    )
    after = entered(issue, stage)
    if said.duplicate_of is None:
        return after
    return _link(after, Link("duplicates", said.duplicate_of))


def _reopened(issue: OpsIssue, said: ops.Reopened, at: datetime) -> OpsIssue:
    if not issue.is_closed:
        return issue
    reopening = Reopening(said.reason, said.comment)
    return replace(issue, stage=NeedsReview(since=at, reopening=reopening))


TELL: Final[Mapping[type[Body], Tell]] = {
    ops.Opened: _unchanged,  # a second opening of the same key says nothing new
    ops.Amended: _amended,
    ops.TeamAssigned: _team_assigned,
    ops.TeamUnassigned: _team_unassigned,
    ops.ReturnedToEngineering: _returned,
    ops.Commented: _commented,
    ops.UpdateRequested: _update_requested,
    ops.StatusChanged: _status_changed,
    ops.Closed: _closed,
    ops.Reopened: _reopened,
    events.Acknowledged: _unchanged,
    events.OwnershipTaken: _ownership_taken,
    events.InfoAwaited: _info_awaited,
    events.CustomerContacted: _unchanged,
    events.CustomerResponded: _customer_responded,
    events.CustomerUpdated: _unchanged,
    events.ReturnedToTriage: _to_triage,
    events.HandedToProduct: _handed_to_product,
    events.EvidenceAttached: _unchanged,
    events.LabelAdded: _label_added,
    events.LabelRemoved: _label_removed,
    events.InstitutionAdded: _institution_added,
    events.Linked: _linked,
    events.Unlinked: _unlinked,
}
"""What each of Operations' own events does to an issue."""

_BY_ANYONE: Final = frozenset(
    {ops.Opened, ops.StatusChanged, ops.Reopened, events.CustomerResponded}
)
"""What is no act of Tier 2, or may come from others as well."""
_RELAYED: Final = frozenset({ops.Amended, events.CustomerUpdated})
"""What other systems pass on without Tier 2; from a person it is Tier 2's act."""


def is_act_of_tier_2(said: Body, actor: str) -> bool:
    """Whether an event of Operations acknowledges the issue: the first act of Tier 2 does."""
    kind = type(said)
    if kind in _BY_ANYONE:
        return False
    if kind in _RELAYED:
        return not actor.startswith("system:")
    speaks_for: tuple[str, ...] | None = getattr(said, "speaks_for", None)
    return speaks_for is None or TIER_2 in speaks_for

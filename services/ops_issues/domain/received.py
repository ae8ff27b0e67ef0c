"""How each event of Engineering changes the issue, and what became of it.

Engineering's facts may cross those of Operations on the way; every one is defined in every state,
and ends in exactly one outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from services.ops_issues.domain.facets import Facet, answered
from services.ops_issues.domain.ops_issue import (
    EngineeringOwned,
    NeedsReview,
    New,
    OpsIssue,
    Parked,
    State,
    Unopened,
    fallen,
    with_facet,
)
from services.ops_issues.domain.rules import Rule
from shared.events import eng
from shared.events.envelope import AnyRecorded, Body, Unreadable

Verdict = Literal["applied", "duplicate", "late", "no-effect", "parked"]


class Outcome(Struct, frozen=True):
    """What became of an event here.

    Attributes:
        verdict: ``applied``; ``duplicate``: it says again what holds; ``late``: it came after the
            closing; ``no-effect``: ``rule`` says why; ``parked``: it waits, because it cannot be
            read or stands behind one that cannot.
        rule: Why it has no effect.
    """

    verdict: Verdict
    rule: Rule | None = None


APPLIED: Final = Outcome("applied")
DUPLICATE: Final = Outcome("duplicate")
LATE: Final = Outcome("late")
PARKED: Final = Outcome("parked")
NOT_OPENED: Final = Outcome("no-effect", Rule.ISSUE_NOT_OPENED)

Hear = Callable[[OpsIssue, Any, datetime], OpsIssue | Rule]
"""The issue after a received event, the very same if it says again what holds; or why not."""


def receive(state: State, recorded: AnyRecorded) -> tuple[State, Outcome]:
    """The state after an event of Engineering, and what became of it."""
    said = recorded.data
    if isinstance(state, Unopened):
        return state, PARKED if isinstance(said, Unreadable) else NOT_OPENED
    if state.parked or isinstance(said, Unreadable):
        return _park(state, recorded), PARKED
    hear = HEAR.get(type(said))
    told = Rule.NOT_ABOUT_AN_ISSUE if hear is None else hear(state, said, recorded.time)
    after = state if isinstance(told, Rule) else told
    heard = _heard(after, recorded)
    if state.is_closed:
        return heard, LATE
    if isinstance(told, Rule):
        return heard, Outcome("no-effect", told)
    return heard, DUPLICATE if told is state else APPLIED


def _heard(issue: OpsIssue, recorded: AnyRecorded) -> OpsIssue:
    sequence = recorded.sequence
    return issue if sequence is UNSET else replace(issue, heard=max(issue.heard, sequence))


def _park(issue: OpsIssue, recorded: AnyRecorded) -> OpsIssue:
    readable = not isinstance(recorded.data, Unreadable)
    event = msgspec.json.encode(recorded) if readable else b""
    waiting = Parked(id=recorded.id, type=recorded.type, event=event)
    return replace(issue, parked=(*issue.parked, waiting))


def _facet(issue: OpsIssue, team: str, at: datetime) -> Facet:
    return issue.facet(team) or Facet(team=team, since=at)


def _claimed(issue: OpsIssue, said: eng.Claimed, at: datetime) -> OpsIssue:
    held = _facet(issue, said.team, at)
    after = with_facet(
        issue,
        answered(
            held,
            at,
            assigned=True,
            claim="open",
            asking=False,
            rejected=False,
            ever_claimed=True,
            issue=said.issue,
            issue_status=held.issue_status if held.issue == said.issue else None,
        ),
    )
    if type(issue.stage) is NeedsReview and after.in_review:
        return after
    return fallen(after, EngineeringOwned, at)


def _rejected(issue: OpsIssue, said: eng.Rejected, at: datetime) -> OpsIssue | Rule:
    held = issue.facet(said.team)
    after = issue
    if held is not None and held.assigned:
        gone = answered(held, at, assigned=False, claim=None, asking=False, rejected=True)
        after = with_facet(issue, gone)
    if issue.has_claims:
        after = fallen(after, NeedsReview, at)
    elif isinstance(issue.stage, NeedsReview | EngineeringOwned):
        after = fallen(after, New, at)
    if after is issue and not (held is not None and held.rejected):
        return Rule.TEAM_NOT_ASSIGNED
    return after


def _sent_to_review(issue: OpsIssue, said: eng.SentToReview, at: datetime) -> OpsIssue | Rule:
    if issue.is_closed:
        return issue  # a late question does not count after reopening
    held = issue.facet(said.team)
    if held is None or not held.assigned:
        # It crossed the unassignment: Operations sees it, but there is nobody to return it to.
        after = fallen(issue, NeedsReview, at)
        return Rule.TEAM_NOT_ASSIGNED if after is issue else after
    # Which status that is, the team's workflow says; it is not said here.
    asking = answered(held, at, asking=True, issue=said.issue or held.issue, issue_status=None)
    return fallen(with_facet(issue, asking), NeedsReview, at)


def _closed(issue: OpsIssue, said: eng.Closed, at: datetime) -> OpsIssue | Rule:
    held = issue.facet(said.team)
    holds_claim = held is not None and held.claim is not None
    after = issue
    if held is not None and holds_claim:
        after = with_facet(issue, answered(held, at, claim="done", asking=False, issue_status=None))
    if not after.claimed:
        after = fallen(after, NeedsReview, at)
    return Rule.TEAM_HOLDS_NO_CLAIM if after is issue and not holds_claim else after


def _progressed(issue: OpsIssue, said: eng.Progressed, at: datetime) -> OpsIssue | Rule:
    held = issue.facet(said.team)
    if held is None or held.issue != said.issue:
        return Rule.ISSUE_NOT_LINKED
    return with_facet(issue, answered(held, at, issue_status=said.to_status))


def _commented(issue: OpsIssue, said: eng.Commented, at: datetime) -> OpsIssue:
    after = replace(issue, comments=issue.comments + 1)
    held = issue.facet(said.team)
    return after if held is None else with_facet(after, answered(held, at))


def _linked(issue: OpsIssue, said: eng.Linked, at: datetime) -> OpsIssue:
    held = _facet(issue, said.team, at)
    if held.issue == said.issue:
        return issue
    return with_facet(issue, replace(held, issue=said.issue, issue_status=None))


def _unlinked(issue: OpsIssue, said: eng.Unlinked, at: datetime) -> OpsIssue:
    held = issue.facet(said.team)
    if held is None or held.issue != said.issue:
        return issue
    return with_facet(issue, replace(held, issue=None, issue_status=None))


HEAR: Final[Mapping[type[Body], Hear]] = {
    eng.Claimed: _claimed,
    eng.Rejected: _rejected,
    eng.SentToReview: _sent_to_review,
    eng.Closed: _closed,
    eng.Progressed: _progressed,
    eng.Commented: _commented,
    eng.Linked: _linked,
    eng.Unlinked: _unlinked,
}
"""What each of Engineering's events about an issue does to it."""

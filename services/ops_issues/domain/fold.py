"""The fold: what an ops issue is, after everything that its log says.

Total: every event is defined in every state, and folding never fails. What became of an event is
told by the same functions that fold it, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce

from msgspec.structs import replace

from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue, State, Unopened
from services.ops_issues.domain.own import TELL, is_act_of_tier_2, opened
from services.ops_issues.domain.received import APPLIED, Outcome, receive
from shared.events import ops
from shared.events.envelope import AnyRecorded, Body, Unreadable


def evolve(state: State, recorded: AnyRecorded) -> State:
    """The state after one more event of its stream, Operations' own or received."""
    said = recorded.data
    if type(said) in TELL:
        return told(state, said, key=recorded.subject, at=recorded.time, actor=recorded.actor)
    if _is_own_unreadable(recorded):
        return state
    return receive(state, recorded)[0]


def outcome(state: State, recorded: AnyRecorded) -> Outcome:
    """What becomes of an event that comes upon this state; Operations' own are applied."""
    if type(recorded.data) in TELL or _is_own_unreadable(recorded):
        return APPLIED
    return receive(state, recorded)[1]


def fold(recorded: Iterable[AnyRecorded], state: State = UNOPENED) -> State:
    """The state after all these events of its stream."""
    return reduce(evolve, recorded, state)


def told(state: State, said: Body, *, key: str, at: datetime, actor: str) -> State:
    """The state after Operations itself said this; ``actor`` is who."""
    if isinstance(state, Unopened):
        return opened(said, key, at) if isinstance(said, ops.Opened) else state
    after = TELL[type(said)](state, said, at)
    if after.acknowledged_at is None and is_act_of_tier_2(said, actor):
        return replace(after, acknowledged_at=at)
    return after


def statement(before: OpsIssue, after: OpsIssue) -> ops.StatusChanged | None:
    """What Operations must state now; None if the log states the status that it has."""
    if after.status == before.stated:
        return None
    return ops.StatusChanged(
        from_status=before.stated,
        to_status=after.status,
        assigned=after.assigned,
        claimed=after.claimed,
    )


def with_status(
    issue: OpsIssue, said: tuple[Body, ...], *, at: datetime, actor: str
) -> tuple[Body, ...]:
    """These events of one command or reaction, and the status if it is another one after them."""
    after = issue
    for body in said:
        evolved = told(after, body, key=issue.key, at=at, actor=actor)
        assert isinstance(evolved, OpsIssue)
        after = evolved
    stated = statement(issue, after)
    return said if stated is None else (*said, stated)


def _is_own_unreadable(recorded: AnyRecorded) -> bool:
    return isinstance(recorded.data, Unreadable) and recorded.source == ops.SOURCE

"""What holds of any sequence of events, and of any sequence of commands."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.commands import COMMANDS, Command
from services.ops_issues.domain.decisions.context import Context, Decision
from services.ops_issues.domain.decisions.decide import decide
from services.ops_issues.domain.fold import evolve, outcome
from services.ops_issues.domain.ops_issue import UNOPENED, Closed, OpsIssue, State
from services.ops_issues.domain.received import Verdict
from shared.events import eng, ops
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import Body, Recorded, Unreadable
from shared.events.vocabulary import PRODUCT, SourceCase
from tests.kit.recording import Recorder
from tests.unit.ops_issues.desk import (
    ANN,
    ENGINEER,
    KEY,
    OPENED,
    REPORTER,
    SERVICENOW,
    Desk,
)

FACTS = (
    commands.Comment,
    commands.AttachEvidence,
    commands.ContactCustomer,
    commands.CustomerResponded,
    commands.CustomerUpdated,
)
"""What can happen twice: the same words again are another fact."""

few_teams = st.sampled_from(["MOB", "WEB", "API", PRODUCT])
few_texts = st.sampled_from(["a", "b", "https://logs.example.com", "@MOB"])
overrides: dict[str, st.SearchStrategy[Any]] = {
    "team": few_teams,
    "teams": st.lists(few_teams, min_size=1, max_size=3).map(tuple),
    "reopened": st.lists(few_teams, max_size=2).map(tuple),
    "speaks_for": st.lists(few_teams, max_size=2).map(tuple),
    "issue": st.sampled_from(["MOB-3", "WEB-3", "MOB-9"]),
    "to": st.sampled_from(["OPS-17", "OPS-4", "MOB-3", "ba:7"]),
    "duplicate_of": st.sampled_from([None, "OPS-17", "OPS-4"]),
    "heard": st.integers(0, 9),
    "phase": st.integers(1, 4),
    "label": few_texts,
    "comment": few_texts,
    "source_case": st.sampled_from([None, SourceCase(system="jsource", number="12")]),
    "reason": st.sampled_from(["late-verification", "correct-resolution"]),
}


def by_type(kind: Any) -> st.SearchStrategy[Any]:
    if kind is str or str in get_args(kind):
        return few_texts | (st.none() if type(None) in get_args(kind) else st.nothing())
    return st.from_type(kind)


def of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Instances with the few values that can meet each other; the others are drawn by type."""
    fields = msgspec.structs.fields(kind)
    drawn = {f.name: overrides[f.name] for f in fields if f.name in overrides}
    optional = {
        f.name: st.none() | drawn[f.name] if type(None) in get_args(f.type) else drawn[f.name]
        for f in fields
        if f.name in drawn
    }
    others = {f.name: by_type(f.type) for f in fields if f.name not in drawn}
    return st.builds(kind, **optional, **others)


def is_engineerings(body: Body) -> bool:
    return isinstance(body, eng.PUBLISHED)


bodies: st.SearchStrategy[Body] = st.sampled_from(events.KNOWN).flatmap(of)
unread: st.SearchStrategy[Any] = st.just(Unreadable(type="caselog.eng.paused.v1", reason="new"))
commanded: st.SearchStrategy[Command] = st.sampled_from(list(COMMANDS.values())).flatmap(of)
contexts: st.SearchStrategy[Context] = st.sampled_from([ANN, SERVICENOW, ENGINEER, REPORTER])


def record(said: list[Any]) -> list[Recorded[Any]]:
    """Both authors' events in the order of one log; what cannot be read came from Engineering."""
    own, theirs = Recorder(ops.SOURCE), Recorder(eng.SOURCE)
    log = []
    for body in said:
        if isinstance(body, Unreadable):
            log.append(replace(theirs.record(KEY, OPENED), type=body.type, data=body))
        else:
            log.append((theirs if isinstance(body, eng.PUBLISHED) else own).record(KEY, body))
    return log


def invariants(state: State) -> None:
    if not isinstance(state, OpsIssue):
        return
    assert len({facet.team for facet in state.facets}) == len(state.facets)
    assert set(state.claimed) <= set(state.assigned)
    assert set(state.in_review) <= set(state.assigned)
    assert state.is_closed == (state.status == "Issue is Closed") == isinstance(state.stage, Closed)
    assert all(facet.ever_claimed for facet in state.facets if facet.claim is not None)
    assert all((facet.phase > 0) == (facet.asked_at is not None) for facet in state.facets)


@given(st.lists(bodies | unread, max_size=30), st.booleans())
def test_folding_never_fails_on_any_sequence(said: list[Any], opened: bool) -> None:
    """Total: every event is defined in every state, opened or not, readable or not."""
    state: State = UNOPENED
    for recorded in record([OPENED, *said] if opened else said):
        verdict = outcome(state, recorded)
        after = evolve(state, recorded)
        invariants(after)
        assert verdict.verdict in get_args(Verdict)
        assert (verdict.rule is not None) == (verdict.verdict == "no-effect")
        _agree(state, after, verdict.verdict)
        state = after
    encoded = msgspec.json.encode(state)
    assert msgspec.json.decode(encoded, type=State) == state


def _agree(before: State, after: State, verdict: Verdict) -> None:
    """An outcome says what evolve did: only what was applied changes what decisions see."""
    if not isinstance(before, OpsIssue) or not isinstance(after, OpsIssue):
        return
    if verdict == "late":
        assert after.stage == before.stage
    elif verdict != "applied":
        unheard = replace(after, heard=before.heard, parked=before.parked)
        assert unheard == before


@given(st.lists(st.tuples(commanded, contexts) | bodies.filter(is_engineerings), max_size=25))
@settings(max_examples=200)
def test_the_stated_status_is_the_fold_always(acts: list[Any]) -> None:
    """Whatever is commanded and received in whatever order, the log states what folding gives."""
    desk = Desk()
    desk.stores(OPENED)
    for act in acts:
        before = len(desk.log)
        if not isinstance(act, tuple):
            desk.hears(act)
        else:
            decision = desk.does(*act)
            _refusals_leave_nothing(decision, len(desk.log) - before)
            _said_twice_adds_nothing(desk, act[0], act[1], decision)
        invariants(desk.state)
        assert desk.issue.stated == desk.issue.status
    statements = [e.data for e in desk.log if isinstance(e.data, ops.StatusChanged)]
    assert all(said.from_status != said.to_status for said in statements)


def _refusals_leave_nothing(decision: Decision, added: int) -> None:
    if isinstance(decision, Refused | Invalid):
        assert added == 0
        assert decision.detail
    else:
        assert (added > 0) == bool(decision.events)


def _said_twice_adds_nothing(
    desk: Desk, command: Command, context: Context, first: Decision
) -> None:
    if isinstance(first, Accepted) and not isinstance(command, FACTS):
        again = decide(command, desk.issue, context)
        assert again == Accepted(), (command, again)

"""Folding never fails, whatever a stream holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_type_hints

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.eng_issues.domain.case import Case, evolve_case, receive
from services.eng_issues.domain.events import BODIES
from services.eng_issues.domain.states import NOTHING, State, evolve
from shared.events import eng, ops
from shared.events.codec import Codec, Stamp, encode
from shared.events.envelope import AnyRecorded, Body, Draft, Published, Unreadable
from tests.kit.recording import Recorder
from tests.kit.strategies import structs, values

TEAMS = st.sampled_from(["MOB", "WEB"])
ISSUES = st.sampled_from(["MOB-1", "MOB-2", "WEB-1", "JIRA-7"])
POOLS: dict[str, st.SearchStrategy[Any]] = {
    "team": TEAMS,
    "teams": st.lists(TEAMS, max_size=2).map(tuple),
    "issue": ISSUES,
    "ops_issue": st.sampled_from(["OPS-1", "OPS-2"]),
    "clone_of": st.none() | st.just("OPS-1"),
    "heard": st.integers(0, 30),
}
"""Few names, so that events meet."""


def bodies_of(kind: type[Body]) -> st.SearchStrategy[Body]:
    hints = get_type_hints(kind, include_extras=True)
    fields = {
        field.name: POOLS.get(field.name, values(hints[field.name]))
        for field in msgspec.structs.fields(kind)
    }
    return st.builds(kind, **fields)


BODY = st.one_of([bodies_of(kind) for kind in BODIES])
AUTHOR = st.sampled_from([eng.SOURCE, ops.SOURCE])
STREAM = st.lists(st.tuples(AUTHOR, BODY, st.booleans()), max_size=40)


def recorded(stream: list[tuple[str, Body, bool]]) -> list[AnyRecorded]:
    """The events as they lie in one log; every third of them cannot be read."""
    recorders = {source: Recorder(source) for source in (eng.SOURCE, ops.SOURCE)}
    events = []
    for index, (source, body, readable) in enumerate(stream):
        event = recorders[source].record("OPS-1", body)
        if not readable and index % 3 == 2:
            event = replace(event, data=Unreadable(type=body.TYPE, reason="another shape"))
        events.append(event)
    return events


@given(stream=STREAM)
def test_folding_never_fails_on_any_sequence(stream: list[tuple[str, Body, bool]]) -> None:
    state: State = NOTHING
    for event in recorded(stream):
        state = evolve(state, event)


@given(stream=STREAM)
def test_every_event_of_a_case_has_one_outcome_and_parts_stay_sound(
    stream: list[tuple[str, Body, bool]],
) -> None:
    case = Case(key="OPS-1", opened_at=datetime.fromisoformat("2026-03-02T09:00Z"))
    for event in recorded(stream):
        case, outcome = receive(case, event)

        assert (outcome.rule is not None) == (outcome.kind == "no-effect")
        for part in case.parts.teams.values():
            assert part.taken or not part.in_review
            assert part.assigned or part.claim == "none"


@given(stream=STREAM)
def test_folding_is_the_same_whatever_was_folded_before(
    stream: list[tuple[str, Body, bool]],
) -> None:
    events, start = recorded(stream), Case(key="OPS-1")

    def fold(some: list[AnyRecorded], case: Case) -> Case:
        for event in some:
            case = evolve_case(case, event)
        return case

    half = len(events) // 2
    assert fold(events[half:], fold(events[:half], start)) == fold(events, start)


@given(kind=st.sampled_from(BODIES), data=st.data())
def test_every_body_this_service_knows_is_read_as_it_was_written(
    kind: type[Body], data: st.DataObject
) -> None:
    body = data.draw(structs(kind))
    event = Recorder(eng.SOURCE).record("OPS-1", body)
    draft = Draft(
        id=event.id,
        subject=event.subject,
        time=event.time,
        correlationid=event.correlationid,
        causationid=event.causationid,
        actor=event.actor,
        data=body,
    )
    stamp = Stamp(
        source=event.source,
        recordedtime=event.recordedtime,
        log=event.log,
        epoch=event.epoch,
        position=event.position,
        sequence=1 if isinstance(body, Published) else None,
    )

    assert Codec(BODIES).decode(kind.TYPE, encode(draft, stamp)) == event


def test_no_two_bodies_share_a_type() -> None:
    assert len({body.TYPE for body in BODIES}) == len(BODIES)

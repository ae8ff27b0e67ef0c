"""Every stream of Engineering's log folds to one of these, by one function."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

from msgspec import Struct

from services.eng_issues.domain.case import Case, evolve_case
from services.eng_issues.domain.events import IssueCreated, Said
from services.eng_issues.domain.issue import Issue, evolve_created, evolve_issue
from services.eng_issues.domain.team import Team, evolve_team
from shared.events import eng, ops
from shared.events.envelope import AnyRecorded, Recorded, Unreadable


class Nothing(Struct, frozen=True):
    """A stream that has not begun."""


State = Nothing | Case | Issue | Team
NOTHING: Final = Nothing()
_NOWHERE: Final = UUID(int=0)


def evolve(state: State, event: AnyRecorded) -> State:
    """The stream after the event. Total: an event that has no place in it changes nothing."""
    match state:
        case Nothing():
            return _begin(event)
        case Case():
            return evolve_case(state, event)
        case Issue():
            return evolve_issue(state, event)
        case Team():
            return evolve_team(event.data) if isinstance(event.data, eng.TeamDefined) else state
        case _:
            assert_never(state)


def _begin(event: AnyRecorded) -> State:
    match event.data:
        case IssueCreated() as data:
            return evolve_created(event, data)
        case eng.TeamDefined() as data:
            return evolve_team(data)
        case ops.Opened() | Unreadable() if event.source == ops.SOURCE:
            return evolve_case(Case(key=event.subject), event)
        case _:
            return NOTHING


def foresee(state: State, said: Said, *, at: datetime, actor: str) -> State:
    """The stream as it will be once this is recorded: nobody can have heard it before."""
    event: Recorded[Any] = Recorded(
        specversion="1.0",
        id=_NOWHERE,
        source=eng.SOURCE,
        type=said.data.TYPE,
        subject=said.subject,
        time=at,
        recordedtime=at,
        log=_NOWHERE,
        epoch=0,
        position=0,
        correlationid="",
        causationid="",
        actor=actor,
        data=said.data,
    )
    return evolve(state, event)

"""What becomes of an event of another system: recorded once for ever, refused with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum

import msgspec
import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append
from shared.events import ops
from shared.events.codec import Codec
from shared.events.decision import Invalid, Refused
from shared.events.envelope import Draft
from shared.events.intake import After, IntakeEvent
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from shared.hosting.intake import (
    NOT_SEEN,
    PRESUMED_NOT_SEEN,
    About,
    IntakeDesk,
    Keys,
    NotSeen,
    Recorded,
    Result,
)
from tests.kit import examples

KEY = "OPS-1"


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class Rule(StrEnum):
    SAID_ENOUGH = "said-enough"


class Service:
    """Records a comment for each note, unless it is told to answer otherwise."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.answer: Result | None = None
        self.presumed = True
        self.carried_out = 0
        self.desk = IntakeDesk(log, {"note": Note}, self.carry_out, self.presume)

    async def carry_out(self, event: IntakeEvent, body: Note, keys: Keys) -> Result:
        self.carried_out += 1
        if self.answer is not None:
            return self.answer
        draft = Draft(
            id=new_id(),
            subject=KEY,
            time=event.time,
            correlationid=event.once,
            causationid=event.once,
            actor=f"system:{event.system}",
            data=examples.minimal(ops.Commented),
        )
        rows = await self.log.store.read_streams((KEY,))
        appended = await self.log.append(Append((draft,), {KEY: len(rows)}, keys(draft.id, KEY)))
        return Recorded(KEY, appended.position, draft.id)

    async def presume(self, after: After) -> bool:
        return self.presumed


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    store = MemoryStore(source=ops.SOURCE, clock=utc_now, new_id=new_id)
    log = EventLog(store, source=ops.SOURCE, codec=Codec(ops.PUBLISHED), clock=utc_now)
    await log.start()
    yield Service(log)
    await log.stop()


def event(
    number: str = "1", data: bytes = b'{"text": "hello"}', kind: str = "note", **more: After
) -> IntakeEvent:
    return IntakeEvent(
        service="ops",
        system="desk",
        type=kind,
        id=number,
        source="/desk/notes",
        subject=KEY,
        time=utc_now(),
        data=data,
        after=more.get("after"),
    )


async def test_an_event_is_recorded_once_however_often_it_comes(service: Service) -> None:
    first = await service.desk.handle(event())
    again = [await service.desk.handle(event()) for _ in range(3)]

    assert (first.outcome, first.key, first.position) == ("recorded", KEY, 1)
    assert {(each.outcome, each.key, each.position) for each in again} == {("duplicate", KEY, 1)}
    assert service.log.head.position == 1


async def test_another_event_of_the_same_source_is_another(service: Service) -> None:
    await service.desk.handle(event("1"))

    second = await service.desk.handle(event("2"))

    assert (second.outcome, second.position) == ("recorded", 2)


async def test_what_added_nothing_is_remembered_too(service: Service) -> None:
    service.answer = Recorded(KEY, 7, None)
    first = await service.desk.handle(event())

    service.answer = None
    again = await service.desk.handle(event())

    assert (first.outcome, again.outcome) == ("recorded", "duplicate")
    assert service.log.head.position == 0


async def test_a_refusal_names_the_rule_and_is_not_remembered(service: Service) -> None:
    service.answer = Refused(Rule.SAID_ENOUGH, "enough was said")
    refused = await service.desk.handle(event())

    service.answer = None
    later = await service.desk.handle(event())

    assert (refused.outcome, refused.rule, refused.reason) == (
        "refused",
        "said-enough",
        "enough was said",
    )
    assert later.outcome == "recorded"


async def test_a_refusal_can_name_the_issue_that_exists(service: Service) -> None:
    service.answer = About("OPS-9", Refused(Rule.SAID_ENOUGH, "go on there"))

    assert (await service.desk.handle(event())).key == "OPS-9"


async def test_what_was_recorded_and_would_be_refused_now_is_a_duplicate(service: Service) -> None:
    await service.desk.handle(event())
    service.answer = Refused(Rule.SAID_ENOUGH, "enough was said")

    assert (await service.desk.handle(event())).outcome == "duplicate"


async def test_what_is_not_seen_in_time_is_refused(service: Service) -> None:
    service.answer = NotSeen("desk:77")
    receipt = await service.desk.handle(event())

    assert (receipt.outcome, receipt.rule) == ("refused", NOT_SEEN)
    assert "desk:77" in (receipt.reason or "")


async def test_what_its_publisher_had_seen_is_waited_for(service: Service) -> None:
    service.presumed = False
    receipt = await service.desk.handle(event(after=After("eng", 5)))

    assert (receipt.outcome, receipt.rule) == ("refused", PRESUMED_NOT_SEEN)
    assert service.carried_out == 0


async def test_what_was_recorded_is_a_duplicate_also_when_the_other_cannot_be_asked(
    service: Service,
) -> None:
    await service.desk.handle(event(after=After("eng", 5)))
    service.presumed = False

    assert (await service.desk.handle(event(after=After("eng", 5)))).outcome == "duplicate"


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("painted", b"{}", "type"),
        ("note", b'{"text": 5}', "data.text"),
        ("note", b"{}", "data.text"),
        ("note", b'{"text": "x", "colour": "red"}', "data.colour"),
        ("note", b"[]", "data"),
        ("note", b'{"text": "\xff"}', "data"),
    ],
)
async def test_a_wrong_event_names_the_field(
    kind: str, data: bytes, named: str, service: Service
) -> None:
    receipt = await service.desk.handle(event(data=data, kind=kind))

    assert receipt.outcome == "refused"
    assert (receipt.reason or "").startswith(named)
    assert service.carried_out == 0


async def test_a_wrong_field_that_only_the_decision_sees_is_named_too(service: Service) -> None:
    service.answer = Invalid("team", "there is no such team")

    receipt = await service.desk.handle(event())

    assert receipt.reason == "data.team: there is no such team"

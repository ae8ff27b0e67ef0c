"""Whatever comes over the bus under our names is read, or refused as documented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.bus.entries import Author, NotAuthentic, read_entry
from shared.bus.heads import PeerHead
from shared.bus.log_reader import ANSWER_BYTES_MAX, Unanswerable, answer
from shared.bus.memory import MemoryBroker, MemoryBus
from shared.bus.peer_log import Page, RequestedLog
from shared.bus.port import BusUnavailable
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append
from shared.events import eng, ops, subjects
from shared.events.codec import Codec, decode_head, encode
from shared.events.envelope import Recorded, Unreadable
from shared.events.intake import Service
from shared.events.reading import (
    READ_ENTRIES_MAX,
    Announcement,
    HeadAnnouncement,
    ReadReply,
    ReadRequest,
)
from tests.kit.examples import examples
from tests.kit.mangling import mangled
from tests.kit.sides import CODEC, draft, memory_store, source_of

SERVICES: list[Service] = ["ops", "eng"]
LOG = UUID("019f1c00-0000-7000-8000-0000000000a1")
LATER = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
ENTRIES = [encode(each.draft, each.stamp) for each in examples()]
KINDS = {body.TYPE: body for body in (*ops.PUBLISHED, *eng.PUBLISHED)}
HEAD = Announcement(log=LOG, epoch=1, position=9, sequence=4, received=7)

types = st.sampled_from([*KINDS, "caselog.ops.unheard-of.v1"]) | st.text(max_size=30)


@given(service=st.sampled_from(SERVICES), entry=mangled(ENTRIES))
def test_an_entry_is_authentic_or_it_is_said_why_not(service: Service, entry: bytes) -> None:
    author = Author(service)

    try:
        arrived = read_entry(author, entry)
    except NotAuthentic as error:
        assert str(error)
    else:
        event = arrived.event
        assert (event.entry, event.source) == (entry, author.source)
        assert arrived.sequence >= 1
        assert entry.decode().count("\n") == 0


@given(event_type=types, entry=mangled(ENTRIES))
def test_an_entry_is_an_event_readable_or_not_or_no_event_at_all(
    event_type: str, entry: bytes
) -> None:
    try:
        head = decode_head(entry)
    except msgspec.DecodeError:
        head = None
    try:
        event = Codec(KINDS.values()).decode(event_type, entry)
    except msgspec.DecodeError:
        assert head is None or event_type in KINDS, "what has a head is an event"
        return

    assert type(event) is Recorded
    assert head is not None
    assert event.id == head.id
    if isinstance(event.data, Unreadable):
        assert event.data.reason
    else:
        assert type(event.data) is KINDS[event_type]


@given(announcements=st.lists(mangled([msgspec.json.encode(HEAD)]), max_size=5))
@example(announcements=[b'{"x":' + b"[" * 20_000, msgspec.json.encode(HEAD)])
async def test_a_listener_outlives_every_announcement(announcements: list[bytes]) -> None:
    peer = PeerHead(MemoryBus(MemoryBroker()), "eng")
    heard: list[Announcement] = []
    peer.on_news(heard.append)

    for announcement in [*announcements, msgspec.json.encode(HEAD)]:
        await peer._heard(announcement)

    assert peer.latest == HEAD
    assert len(heard) + peer.garbage == len(announcements) + 1
    assert all(min(head.epoch, head.position, head.received) >= 0 for head in heard)


READS = [
    msgspec.json.encode(ReadRequest(after_sequence=0, limit=2)),
    msgspec.json.encode(ReadRequest(after_position=1, case="OPS-1")),
]


@pytest.fixture(scope="module")
async def log() -> EventLog:
    made = EventLog(memory_store("ops"), source=source_of("ops"), codec=CODEC, clock=lambda: LATER)
    await made.start()
    for number in range(3):
        await made.append(Append((draft("ops", f"OPS-{number}"),), {f"OPS-{number}": 0}))
    await made.stop()
    return made


@given(request=mangled(READS))
@example(request=b'{"after_sequence":0,"limit":' + b"9" * 400 + b"}")
async def test_a_request_to_read_is_answered_or_refused(log: EventLog, request: bytes) -> None:
    try:
        said = await answer(log, request)
    except Unanswerable as refusal:
        assert refusal.code == 400
        assert len(" ".join(str(refusal).split())) < 1_000, "it becomes a header"
    else:
        reply = msgspec.json.decode(said, type=ReadReply)
        assert reply.head.position == 3
        assert len(reply.entries) <= min(3, READ_ENTRIES_MAX)
        assert len(said) <= ANSWER_BYTES_MAX


@given(
    after=st.integers(0, 2**53 - 1) | st.none(),
    limit=st.integers(1, 2**63 - 1),
    case=st.from_regex(r"\A[A-Z][A-Z0-9-]{0,63}\Z") | st.none(),
)
def test_a_request_to_read_survives_the_wire(
    after: int | None, limit: int, case: str | None
) -> None:
    if after is None:
        asked = ReadRequest(after_sequence=0, limit=limit)
    else:
        asked = ReadRequest(after_position=after, limit=limit, case=case)

    assert msgspec.json.decode(msgspec.json.encode(asked), type=ReadRequest) == asked


def reply(entries: Sequence[str]) -> bytes:
    head = HeadAnnouncement(log=LOG, epoch=1, position=9, sequence=4)
    return msgspec.json.encode(ReadReply(entries=tuple(entries), head=head))


@given(said=mangled([reply([]), reply([ENTRIES[0].decode()])]))
@example(said=b'{"entries":["\xff"],"head":{}}')
@example(said=reply(["x"]).replace(b'"x"', b'"\\ud800"'))
async def test_a_page_of_the_other_log_is_read_or_worth_asking_for_again(said: bytes) -> None:
    bus = MemoryBus(MemoryBroker())

    async def answered(_: bytes) -> bytes:
        return said

    bus.broker.answers[subjects.log_read("eng")] = answered

    try:
        page = await RequestedLog(bus, "eng").published(0, 10)
    except BusUnavailable:
        return
    assert isinstance(page, Page)
    assert all(isinstance(entry, bytes) for entry in page.entries)


@given(subject=st.text(max_size=60) | st.from_regex(r"\A[a-z]+(\.[A-Za-z0-9_*>-]{0,6}){1,4}\Z"))
def test_a_subject_says_what_it_is_of_or_is_none(subject: str) -> None:
    if (found := subjects.parse_event(subject)) is not None:
        assert subjects.event(*found) == subject
    if (intake := subjects.parse_intake(subject)) is not None:
        assert subjects.intake(*intake) == subject
        assert subjects.intake_system(subject) == intake.system
    if (receipt := subjects.parse_receipt(subject)) is not None:
        assert subjects.receipt(*receipt) == subject


@given(parts=st.tuples(st.text(max_size=8), st.text(max_size=8)))
def test_a_subject_is_built_of_what_can_be_read_again_or_refused(parts: tuple[str, str]) -> None:
    try:
        subject = subjects.event("ops", *parts)
    except subjects.NotAToken:
        assert not all(map(subjects.is_token, parts))
    else:
        assert subjects.parse_event(subject) == ("ops", *parts)

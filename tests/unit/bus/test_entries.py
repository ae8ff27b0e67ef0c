"""What an author's event looks like, and what is not one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.entries import Author, NotAuthentic, read_entry
from shared.eventlog.model import ENTRY_BYTES_MAX
from shared.events import subjects
from shared.events.codec import Stamp, decode_head, encode
from shared.events.envelope import short_name
from tests.kit.examples import Example, examples
from tests.kit.sides import draft

LOG = UUID("019f1c00-0000-7000-8000-0000000000a1")
NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
STAMP = Stamp(source="/caselog/ops", recordedtime=NOW, log=LOG, epoch=1, position=9, sequence=4)
ENTRY = encode(draft("ops", "OPS-1"), STAMP)
SUBJECT = "ops.events.OPS-1.commented"


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_every_published_event_is_authentic(example: Example) -> None:
    entry = encode(example.draft, example.stamp)
    kind = example.draft.data.TYPE
    author = Author("ops" if kind.startswith("caselog.ops.") else "eng")
    subject = subjects.event(author.service, example.draft.subject, short_name(kind))

    arrived = read_entry(author, entry, subject)

    head = decode_head(entry)
    assert (arrived.log, arrived.sequence) == (head.log, head.sequence)
    assert (arrived.event.id, arrived.event.entry) == (head.id, entry)
    assert read_entry(author, entry) == arrived


def test_its_place_is_that_of_its_author() -> None:
    arrived = read_entry(Author("ops"), ENTRY, SUBJECT)
    assert (arrived.log, arrived.event.epoch, arrived.sequence) == (LOG, 1, 4)
    assert arrived.event.subject == "OPS-1"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b"", "not an entry"),
        (b"[]", "not an entry"),
        (ENTRY[:-1], "not an entry"),
        (ENTRY.replace(b"Android", b"\xff"), "not an entry"),
        (b"[" * 100_000, "not an entry"),
        (b'{"data":' + b"[" * 100_000, "not an entry"),
        (ENTRY + b"\n", "^an entry is one line$"),
        (ENTRY.ljust(ENTRY_BYTES_MAX + 1), "bytes"),
        (ENTRY.replace(b"/caselog/ops", b"/caselog/eng"), "source"),
        (ENTRY.replace(b"/caselog/ops", b"/servicenow"), "source"),
        (ENTRY.replace(b'"sequence":4', b'"sequence":0'), "sequence"),
        (ENTRY.replace(b'"sequence":4', b'"sequence":-4'), "sequence"),
        (ENTRY.replace(b'"sequence":4,', b""), "^no sequence: it was not published$"),
        (ENTRY.replace(b'"sequence":4', b'"sequence":"4"'), "not an entry"),
        (ENTRY.replace(b"caselog.ops.", b"caselog.eng."), "type"),
        (ENTRY.replace(b"caselog.ops.commented.v1", b"commented"), "type"),
        (ENTRY.replace(b"caselog.ops.", b"another.ops."), "^the type is not one of /caselog/ops$"),
        (ENTRY.replace(b"ops.commented.v1", b"ops.commented.v1.more"), "^the type is not one of"),
        (ENTRY.replace(b"ops.commented.v1", b"ops.comm*nted.v1"), "type"),
        (ENTRY.replace(b"OPS-1", b"OPS 1"), "subject"),
        (ENTRY.replace(b"OPS-1", b"OPS.1"), "subject"),
        (ENTRY.replace(b'"OPS-1"', b'""'), "subject"),
    ],
)
def test_what_is_not_authentic_is_told_apart(entry: bytes, reason: str) -> None:
    with pytest.raises(NotAuthentic, match=reason):
        read_entry(Author("ops"), entry)


@pytest.mark.parametrize(
    "subject",
    ["ops.events.OPS-2.commented", "ops.events.OPS-1.closed", "eng.events.OPS-1.commented", ""],
)
def test_the_subject_must_be_its_own(subject: str) -> None:
    with pytest.raises(NotAuthentic, match=r"^its subject on the bus is not that of"):
        read_entry(Author("ops"), ENTRY, subject)


def test_an_entry_may_have_so_many_bytes() -> None:
    assert read_entry(Author("ops"), ENTRY.ljust(ENTRY_BYTES_MAX)).sequence == 4


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_fail(body: bytes) -> None:
    with pytest.raises(NotAuthentic):
        read_entry(Author("ops"), body, SUBJECT)


@given(st.integers(0, len(ENTRY) - 1), st.integers(0, 255))
def test_a_changed_byte_never_raises_anything_else(place: int, byte: int) -> None:
    changed = ENTRY[:place] + bytes([byte]) + ENTRY[place + 1 :]
    with suppress(NotAuthentic):
        read_entry(Author("ops"), changed, SUBJECT)

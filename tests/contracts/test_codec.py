"""What the codec promises: bytes and events are the same thing, and reading is strict and total."""

from datetime import UTC, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import eng, ops
from shared.events.codec import Codec, Stamp, decode_head, encode
from shared.events.envelope import Draft, Published, Unreadable, short_name
from tests.kit.examples import Example, example, examples, full, minimal
from tests.kit.strategies import structs, texts

KINDS = (*ops.PUBLISHED, *eng.PUBLISHED)
CODEC = Codec(KINDS)

moments = st.datetimes(timezones=st.just(UTC))
numbers = st.integers(1, 2**53)
stamps = st.builds(
    Stamp,
    source=st.sampled_from([ops.SOURCE, eng.SOURCE]),
    recordedtime=moments,
    log=st.uuids(),
    epoch=st.integers(0, 2**31),
    position=numbers,
    sequence=numbers | st.none(),
)


def drafts(kind: type[Published]) -> st.SearchStrategy[Draft]:
    return st.builds(
        Draft,
        id=st.uuids(),
        subject=texts,
        time=moments,
        correlationid=texts,
        causationid=texts,
        actor=texts,
        data=structs(kind),
    )


any_draft = st.sampled_from(KINDS).flatmap(drafts)


def changed(entry: bytes, **attributes: Any) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(entry), **attributes})


def entry_of(item: Example) -> bytes:
    return encode(item.draft, item.stamp)


@given(draft=any_draft, stamp=stamps)
def test_what_is_encoded_is_decoded_and_encodes_to_the_same_bytes(
    draft: Draft, stamp: Stamp
) -> None:
    entry = encode(draft, stamp)

    event = CODEC.decode(draft.data.TYPE, entry)

    again = Draft(
        id=event.id,
        subject=event.subject,
        time=event.time,
        correlationid=event.correlationid,
        causationid=event.causationid,
        actor=event.actor,
        data=event.data,
    )
    assert again == draft
    assert encode(again, stamp) == entry
    assert b"\n" not in entry


@given(draft=any_draft, stamp=stamps)
def test_the_head_says_what_the_whole_event_says(draft: Draft, stamp: Stamp) -> None:
    entry = encode(draft, stamp)

    head, event = decode_head(entry), CODEC.decode(draft.data.TYPE, entry)

    assert all(getattr(head, name) == getattr(event, name) for name in head.__struct_fields__)


def test_times_are_written_in_utc() -> None:
    there = timezone(timedelta(hours=-5))
    item = example(minimal(eng.Linked), "minimal")
    draft = msgspec.structs.replace(item.draft, time=item.draft.time.astimezone(there))

    assert encode(draft, item.stamp) == entry_of(item)


def test_a_time_without_an_offset_is_never_written() -> None:
    item = example(minimal(eng.Linked), "minimal")
    draft = msgspec.structs.replace(item.draft, time=item.draft.time.replace(tzinfo=None))

    with pytest.raises(ValueError, match="no offset"):
        encode(draft, item.stamp)


@pytest.mark.parametrize("item", list(examples()), ids=lambda item: item.name)
def test_a_newer_version_may_add_fields(item: Example) -> None:
    entry = entry_of(item)
    data = {**msgspec.json.decode(entry)["data"], "added_later": {"any": ["thing"]}}

    event = CODEC.decode(item.draft.data.TYPE, changed(entry, data=data, addedattribute=1))

    assert event.data == item.draft.data


def test_a_type_of_a_newer_version_is_unreadable_and_keeps_its_attributes() -> None:
    item = example(full(ops.Closed), "full")
    entry = changed(entry_of(item), type="caselog.ops.closed.v2", data=["another", "shape"])

    event = CODEC.decode("caselog.ops.closed.v2", entry)

    assert event.data == Unreadable(type="caselog.ops.closed.v2", reason="unknown type")
    assert (event.id, event.sequence) == (item.draft.id, item.stamp.sequence)


@pytest.mark.parametrize(
    ("body", "data", "reason"),
    [
        (minimal(ops.UpdateRequested), {"team": "MOB", "phase": "1"}, "Expected `int`"),
        (minimal(ops.UpdateRequested), {"team": "MOB", "phase": 1.5}, "Expected `int`"),
        (minimal(ops.UpdateRequested), {"team": 7, "phase": 1}, "Expected `str`"),
        (minimal(ops.UpdateRequested), {"phase": 1}, "`team`"),
        (minimal(ops.UpdateRequested), None, "Expected `object`"),
        (minimal(eng.Claimed), {"team": "MOB", "issue": "MOB-3", "origin": "found"}, "`found`"),
        (minimal(ops.Reopened), {"reason": "late-verification", "comment": ""}, "`teams`"),
    ],
)
def test_reading_is_strict(body: Published, data: object, reason: str) -> None:
    entry = changed(entry_of(example(body, "minimal")), data=data)

    event = CODEC.decode(body.TYPE, entry)

    assert isinstance(event.data, Unreadable)
    assert event.data.type == body.TYPE
    assert reason.strip("`") in event.data.reason


@pytest.mark.parametrize(
    "attributes",
    [
        {"specversion": "0.3"},
        {"specversion": 1.0},
        {"id": "not-a-uuid"},
        {"time": "2026-03-02T15:04:05"},
        {"recordedtime": "yesterday"},
        {"position": "1204"},
        {"position": 0},
        {"sequence": 0},
        {"sequence": None},
        {"datacontenttype": "text/plain"},
        {"actor": None},
    ],
    ids=str,
)
def test_an_entry_with_a_wrong_attribute_is_no_event(attributes: dict[str, Any]) -> None:
    entry = changed(entry_of(example(minimal(eng.Linked), "minimal")), **attributes)

    with pytest.raises(msgspec.ValidationError):
        decode_head(entry)
    with pytest.raises(msgspec.ValidationError):
        CODEC.decode(eng.Linked.TYPE, entry)


@given(entry=st.binary(max_size=200) | st.just(b'{"data":' * 10_000))
def test_bytes_that_are_no_event_raise_one_kind_of_error(entry: bytes) -> None:
    for read in (decode_head, lambda entry: CODEC.decode(eng.Linked.TYPE, entry)):
        with pytest.raises(msgspec.DecodeError):
            read(entry)


def test_an_entry_is_text_to_its_last_byte() -> None:
    entry = entry_of(example(minimal(ops.Commented), "minimal"))

    with pytest.raises(msgspec.DecodeError):
        decode_head(entry.replace(b"Seen", b"\xff\xfe"))


def test_short_names() -> None:
    assert short_name(ops.TeamAssigned.TYPE) == "team-assigned"
    assert short_name("com.example.other") == "com.example.other"
    assert short_name("") == ""


def test_type_names_are_unique_and_say_their_service() -> None:
    for source, kinds in ((ops.SOURCE, ops.PUBLISHED), (eng.SOURCE, eng.PUBLISHED)):
        service = source.removeprefix("/caselog/")
        assert all(f"caselog.{service}.{short_name(kind.TYPE)}.v1" == kind.TYPE for kind in kinds)
    assert len({kind.TYPE for kind in KINDS}) == len(KINDS)

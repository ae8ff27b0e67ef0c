"""The bytes of an event never change: logs hold them for ever, and hashes prove them."""

from pathlib import Path

import msgspec
import pytest

from shared.events import eng, ops
from shared.events.cloudevents import from_bus
from shared.events.codec import Codec, decode_head, encode
from shared.events.envelope import Published, Unreadable
from tests.contracts.golden import FOLDER, expected
from tests.kit.examples import FULL, MICROSECONDS, MINIMAL, Example, examples
from tests.kit.intake_examples import IntakeExample, intake_examples

CODEC = Codec((*ops.PUBLISHED, *eng.PUBLISHED))
EXAMPLES = list(examples())
INTAKE = list(intake_examples())
FILES = sorted(FOLDER.glob("*.json"))
ENTRIES = [path for path in FILES if path.name.startswith("caselog.")]


def golden(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_event_is_encoded_to_exactly_its_golden_bytes(example: Example) -> None:
    assert encode(example.draft, example.stamp) == golden(example.name)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_golden_bytes_are_read_as_the_event(example: Example) -> None:
    draft, stamp = example.draft, example.stamp

    event = CODEC.decode(draft.data.TYPE, golden(example.name))

    assert event.data == draft.data
    assert (event.id, event.subject, event.type) == (draft.id, draft.subject, draft.data.TYPE)
    assert (event.time, event.recordedtime) == (draft.time, stamp.recordedtime)
    assert (event.source, event.log, event.epoch) == (stamp.source, stamp.log, stamp.epoch)
    assert (event.position, event.sequence) == (stamp.position, stamp.sequence)
    assert (event.correlationid, event.causationid) == (draft.correlationid, draft.causationid)
    assert event.actor == draft.actor


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.stem)
def test_every_golden_entry_ever_written_can_still_be_read(path: Path) -> None:
    entry = path.read_bytes()

    event = CODEC.decode(decode_head(entry).type, entry)

    assert not isinstance(event.data, Unreadable)
    assert b"\n" not in entry


@pytest.mark.parametrize("example", INTAKE, ids=lambda example: example.name)
def test_a_golden_intake_message_is_read_as_the_event(example: IntakeExample) -> None:
    headers, _ = example.structured()

    event = from_bus(example.subject, headers, golden(example.name), now=MICROSECONDS)

    assert event == example.event()
    assert msgspec.json.decode(event.data, type=type(example.body)) == example.body


def test_every_event_has_its_golden_files() -> None:
    assert {path for path, _ in expected()} <= set(FILES)
    assert all(path.read_bytes() == content for path, content in expected())


@pytest.mark.parametrize("kind", [*ops.PUBLISHED, *eng.PUBLISHED], ids=lambda kind: kind.TYPE)
def test_minimal_has_no_optional_field_and_full_has_them_all(kind: type[Published]) -> None:
    optional = {f.name: f.default for f in msgspec.structs.fields(kind) if not f.required}

    assert {name: getattr(MINIMAL[kind], name) for name in optional} == optional
    assert [name for name in optional if getattr(FULL[kind], name) == optional[name]] == []

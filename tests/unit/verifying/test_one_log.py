"""``LogCheck``: every way in which the rows of a log can differ from a sound one is told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from caselog.verifying.one_log import LogCheck
from shared.eventlog.model import LogHead, Row
from shared.eventlog.port import Tip
from shared.events import eng, ops
from shared.events.codec import Stamp, encode
from shared.events.envelope import Draft

LOG, PEER = UUID(int=1), UUID(int=2)
BEGUN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


@dataclass
class Log:
    """A sound log of Operations, made entry by entry."""

    rows: list[Row] = field(default_factory=list)

    def add(self, stream: str, source: str = ops.SOURCE) -> Log:
        """The author's next published event on that stream."""
        position = len(self.rows) + 1
        sequence = 1 + sum(row.source == source for row in self.rows)
        own = source == ops.SOURCE
        recorded_at = BEGUN + timedelta(seconds=position)
        stamp = Stamp(
            source=source,
            recordedtime=recorded_at if own else BEGUN,
            log=LOG if own else PEER,
            epoch=1,
            position=position if own else 90 + position,
            sequence=sequence,
        )
        draft = Draft(
            id=UUID(int=1000 + position),
            subject=stream,
            time=BEGUN,
            correlationid="c",
            causationid="c",
            actor="person:ann",
            data=ops.Commented(comment="It works.", visibility="internal", mentions=())
            if own
            else eng.Commented(team="MOB", comment="So it does.", visibility="internal"),
        )
        entry = encode(draft, stamp)
        self.rows.append(
            Row(
                position=position,
                stream=stream,
                version=1 + sum(row.stream == stream for row in self.rows),
                id=draft.id,
                type=draft.data.TYPE,
                source=source,
                epoch=1,
                sequence=sequence,
                entry=entry,
                leaf=leaf(entry),
                recorded_at=recorded_at,
            )
        )
        return self

    @property
    def tip(self) -> Tip:
        own = sum(row.source == ops.SOURCE for row in self.rows)
        last = self.rows[-1]
        return Tip(LogHead(LOG, 1, len(self.rows), own), last.leaf, last.recorded_at)


@pytest.fixture
def log() -> Log:
    return (
        Log()
        .add("OPS-1")
        .add("OPS-2")
        .add("OPS-1", eng.SOURCE)
        .add("OPS-1")
        .add("OPS-2")
        .add("P-1")
    )


def found(rows: Sequence[Row], tip: Tip, beyond: Row | None = None) -> list[str]:
    check = LogCheck(own=ops.SOURCE, log=LOG)
    half = len(rows) // 2
    return [*check.rows(rows[:half]), *check.rows(rows[half:]), *check.end(tip, beyond)]


def test_a_sound_log_has_no_difference(log: Log) -> None:
    assert found(log.rows, log.tip) == []
    assert found([], Tip(LogHead(LOG, 1, 0, 0), b"", None)) == []


def test_a_changed_byte_is_told(log: Log) -> None:
    log.rows[1] = replace(log.rows[1], entry=log.rows[1].entry.replace(b"It works", b"It walks"))

    assert found(log.rows, log.tip) == ["position 2: the leaf hash is not that of the entry"]


def test_bytes_that_are_no_event_any_more_are_told(log: Log) -> None:
    log.rows[1] = replace(log.rows[1], entry=b"\xff" + log.rows[1].entry[1:])

    hashed, no_event = found(log.rows, log.tip)
    assert hashed == "position 2: the leaf hash is not that of the entry"
    assert no_event.startswith("position 2: the entry is not an event: ")


def test_an_event_that_was_put_in_anothers_place_with_its_hash_is_told(log: Log) -> None:
    other = log.rows[4]
    log.rows[1] = replace(log.rows[1], entry=other.entry, leaf=other.leaf)

    said = f"the entry says {other.recorded_at}"
    assert found(log.rows, log.tip) == [
        f"position 2: the column id is {log.rows[1].id}, the entry says {other.id}",
        "position 2: the column sequence is 2, the entry says 4",
        "position 2: the column position is 2, the entry says 5",
        f"position 2: the column recorded_at is {log.rows[1].recorded_at}, {said}",
    ]


def test_a_missing_row_is_told_by_position_version_and_sequence(log: Log) -> None:
    del log.rows[1]

    assert found(log.rows, Log(log.rows).tip)[:4] == [
        "position 3: follows position 1: not dense",
        f"position 4: sequence 3 of {ops.SOURCE} follows 1: not dense",
        "position 5: version 2 of OPS-2 follows 0: not dense",
        "the head says position 5, the last row is 6",
    ]


def test_two_rows_that_changed_places_are_told(log: Log) -> None:
    first, second = log.rows[1], log.rows[4]
    places = ("position", "version", "sequence", "recorded_at")
    log.rows[1] = replace(second, **{name: getattr(first, name) for name in places})
    log.rows[4] = replace(first, **{name: getattr(second, name) for name in places})

    told = found(log.rows, log.tip)
    assert "position 2: the column position is 2, the entry says 5" in told
    assert "position 5: the column position is 5, the entry says 2" in told


@pytest.mark.parametrize(
    ("sequence", "told"), [(2, "sequence 2 of {} follows 2: not dense"), (9, "sequence 9 of {} ")]
)
def test_a_doubled_or_changed_sequence_is_told(log: Log, sequence: int, told: str) -> None:
    log.rows[3] = replace(log.rows[3], sequence=sequence)

    differences = found(log.rows, log.tip)
    assert differences[0].startswith("position 4: " + told.format(ops.SOURCE))
    assert f"position 4: the column sequence is {sequence}, the entry says 3" in differences


def test_a_received_event_that_lost_its_place_among_its_authors_is_told(log: Log) -> None:
    log.rows[2] = replace(log.rows[2], sequence=2)

    assert found(log.rows, log.tip)[0] == (
        f"position 3: sequence 2 of {eng.SOURCE} follows 0: not dense"
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", UUID(int=7)),
        ("stream", "OPS-9"),
        ("type", "caselog.ops.amended.v1"),
        ("source", eng.SOURCE),
        ("epoch", 2),
    ],
)
def test_a_column_that_says_something_else_than_the_entry_is_told(
    log: Log, column: str, value: object
) -> None:
    held = getattr(log.rows[1], column)
    log.rows[1] = replace(log.rows[1], **{column: value})

    told = f"position 2: the column {column} is {value}, the entry says {held}"
    assert told in found(log.rows, log.tip)


def test_an_entry_of_another_log_is_told(log: Log) -> None:
    other = msgspec.json.decode(log.rows[1].entry) | {"log": str(UUID(int=9))}
    entry = msgspec.json.encode(other)
    log.rows[1] = replace(log.rows[1], entry=entry, leaf=leaf(entry))

    assert found(log.rows, log.tip) == [
        f"position 2: the column log is {LOG}, the entry says {UUID(int=9)}"
    ]


def test_time_that_goes_back_along_positions_is_told(log: Log) -> None:
    log.rows[2] = replace(log.rows[2], recorded_at=BEGUN)

    (told,) = found(log.rows, log.tip)
    assert told == (
        "position 3: recorded at 2026-03-01T09:00:00+00:00, before the row in front of it"
    )


def test_a_head_that_is_ahead_is_told(log: Log) -> None:
    ahead = Tip(LogHead(LOG, 1, 8, 7), log.tip.leaf, None)

    assert found(log.rows, ahead) == [
        "the head says position 8, the last row is 6",
        "the head says sequence 7, the last published row has 5",
    ]


def test_a_head_with_another_hash_is_told(log: Log) -> None:
    other = Tip(log.tip.head, b"\x00" * 32, None)

    assert found(log.rows, other) == ["the head names another leaf hash than that of the last row"]


def test_a_row_behind_the_head_is_told(log: Log) -> None:
    *rows, beyond = log.rows

    assert found(rows, Log(rows).tip, beyond) == ["position 6: a row behind the head, which says 5"]

"""Where recovered events stand: behind what they name, and no later than they must."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from shared.bus import interleaving
from shared.bus.entries import Arrived
from shared.bus.interleaving import Interleaving
from shared.eventlog.model import Foreign
from shared.events import ops
from shared.events.envelope import AnyRecorded, Recorded
from tests.kit.examples import minimal
from tests.kit.recording import Recorder

THEIR_LOG = UUID(int=7)


def arrived(sequence: int, stream: str = "OPS-1") -> Arrived:
    event = Foreign(UUID(int=sequence), stream, "", "/caselog/eng", 1, sequence, b"")
    return Arrived(THEIR_LOG, event)


def said(stream: str = "OPS-1", *, heard: int = 0, cause: int = 0) -> AnyRecorded:
    body = msgspec.structs.replace(minimal(ops.Closed), heard=heard)
    recorded: Recorded[ops.Closed] = Recorder(ops.SOURCE).record(stream, body)
    return msgspec.structs.replace(recorded, causationid=str(UUID(int=cause)))


def numbers(placed: Sequence[Arrived]) -> list[int]:
    return [each.sequence for each in placed]


def waiting(*theirs: Arrived) -> Interleaving:
    made = Interleaving()
    for each in theirs:
        assert made.theirs(each) == []
    return made


def test_an_event_that_names_nothing_goes_first() -> None:
    assert waiting(arrived(1), arrived(2)).ours(said(), begins=False) == []


def test_it_goes_behind_what_had_been_heard() -> None:
    made = waiting(arrived(1), arrived(2), arrived(3))

    assert numbers(made.ours(said(heard=2), begins=False)) == [1, 2]
    assert made.ours(said(heard=2), begins=False) == []


def test_it_goes_behind_its_cause_and_all_before_that() -> None:
    made = waiting(arrived(1, "OPS-9"), arrived(2), arrived(3))

    assert numbers(made.ours(said(cause=2), begins=False)) == [1, 2]


def test_it_goes_behind_what_began_its_stream() -> None:
    made = waiting(arrived(1, "OPS-9"), arrived(2), arrived(3), arrived(4))

    assert numbers(made.ours(said(), begins=True)) == [1, 2]


def test_no_more_than_so_many_wait(monkeypatch: object) -> None:
    made = Interleaving()
    limit = interleaving.PENDING_MAX
    for number in range(1, limit + 1):
        assert made.theirs(arrived(number)) == []

    assert numbers(made.theirs(arrived(limit + 1))) == [1]


def test_it_does_not_go_behind_what_it_knows_nothing_of() -> None:
    bare = msgspec.structs.replace(said(), data=minimal(ops.Amended))
    made = waiting(arrived(1, "OPS-9"), arrived(2, "OPS-9"))

    assert made.ours(bare, begins=False) == []
    assert made.ours(said("OPS-1"), begins=True) == []


def test_nothing_is_kept_of_what_was_placed() -> None:
    made = waiting(arrived(1), arrived(2, "OPS-9"), arrived(3, "OPS-9"))

    assert numbers(made.ours(said(heard=1), begins=False)) == [1]

    assert made._begun == {"OPS-9": 2}
    assert made._sequences == {str(UUID(int=2)): 2, str(UUID(int=3)): 3}

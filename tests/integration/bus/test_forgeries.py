"""What is not the author's is kept apart and holds up nothing.

An author that contradicts itself is stopped until somebody has looked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from nats.aio.client import Client

from shared.bus.alarms import EQUIVOCATION, NOT_AUTHENTIC, OTHER_LOG
from shared.eventlog.model import Append, LogReadOnly
from shared.events import subjects
from shared.events.codec import Stamp, encode
from tests.integration.bus.conftest import Begin
from tests.kit.sides import Side, draft, holds_all, memory_store
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

SUBJECT = "ops.events.OPS-1.commented"
NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
SOMEBODY = UUID("019f1c00-0000-7000-8000-0000000000ff")


def entry(
    log: UUID, sequence: int | None, *, epoch: int = 1, source: str = "/caselog/ops"
) -> bytes:
    stamp = Stamp(
        source=source, recordedtime=NOW, log=log, epoch=epoch, position=1, sequence=sequence
    )
    return encode(draft("ops", "OPS-1"), stamp)


def log_of(side: Side) -> UUID:
    return side.log.head.log


GARBAGE: dict[str, Callable[[Side], tuple[str, bytes]]] = {
    "not JSON": lambda _: (SUBJECT, b"hello"),
    "empty": lambda _: (SUBJECT, b""),
    "not an object": lambda _: (SUBJECT, b"[1]"),
    "invalid UTF-8": lambda ops: (SUBJECT, entry(log_of(ops), 2).replace(b"Android", b"\xff\xfe")),
    "deep nesting": lambda _: (SUBJECT, b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "several lines": lambda ops: (SUBJECT, entry(log_of(ops), 2) + b"\n"),
    "another source": lambda ops: (SUBJECT, entry(log_of(ops), 2, source="/caselog/eng")),
    "no sequence": lambda ops: (SUBJECT, entry(log_of(ops), None)),
    "sequence 0": lambda ops: (SUBJECT, entry(log_of(ops), 0)),
    "another subject": lambda ops: ("ops.events.OPS-2.commented", entry(log_of(ops), 2)),
    "another type": lambda ops: ("ops.events.OPS-1.opened", entry(log_of(ops), 2)),
    "a longer subject": lambda ops: (f"{SUBJECT}.x", entry(log_of(ops), 2)),
    "another log": lambda _: (SUBJECT, entry(SOMEBODY, 2)),
    "a higher epoch": lambda ops: (SUBJECT, entry(log_of(ops), 2, epoch=7)),
    "beyond its author's log": lambda ops: (SUBJECT, entry(log_of(ops), 10**9)),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_what_is_not_the_authors_is_kept_and_holds_up_nothing(
    ops: Side, eng: Side, outsider: Client, kind: str
) -> None:
    await ops.say(1)
    await eventually(lambda: holds_all(eng, ops))
    subject, body = GARBAGE[kind](ops)

    await outsider.jetstream().publish(subject, body)
    await ops.say(5)

    await eventually(lambda: holds_all(eng, ops))
    await eventually(lambda: eng.exchange.status().receiver.rejected == 1)
    (letter,) = await eng.dead_letters.page()
    assert (letter.route, letter.body, letter.rule) == (subject, body, NOT_AUTHENTIC)
    assert eng.exchange.status().receiver.alarm is None


async def test_garbage_before_the_first_event_of_all(begin: Begin, outsider: Client) -> None:
    author = await begin("ops")
    await eventually(lambda: author.exchange.status().relay.position == 0)
    await outsider.jetstream().publish(SUBJECT, entry(SOMEBODY, 1))
    receiver = await begin("eng")
    await author.say(3)

    await eventually(lambda: holds_all(receiver, author))
    assert receiver.exchange.status().receiver.rejected == 1


async def test_an_author_that_says_two_things_under_one_number_is_stopped(
    ops: Side, eng: Side, outsider: Client
) -> None:
    await ops.say(3)
    await eventually(lambda: holds_all(eng, ops))
    other = entry(log_of(ops), 2)

    await outsider.jetstream().publish(SUBJECT, other)
    await eventually(lambda: eng.exchange.status().receiver.alarm)
    await ops.say(3)

    status = eng.exchange.status()
    assert status.receiver.alarm is not None
    assert status.receiver.alarm.rule == EQUIVOCATION
    assert "receiver" in status.trouble
    (letter,) = await eng.dead_letters.page()
    assert (letter.id, letter.body) == (status.receiver.alarm.letter, other)
    assert len(await eng.received()) == 3


async def test_an_operator_who_has_looked_lets_the_author_go_on(
    ops: Side, eng: Side, outsider: Client
) -> None:
    await ops.say(3)
    await eventually(lambda: holds_all(eng, ops))
    await outsider.jetstream().publish(SUBJECT, entry(log_of(ops), 2))
    await eventually(lambda: eng.exchange.status().receiver.alarm)
    await ops.say(3)
    (letter,) = await eng.dead_letters.page()

    await eng.dead_letters.settle(letter.id, "discarded", "a mistake of an experiment")

    await eventually(lambda: holds_all(eng, ops))
    assert eng.exchange.status().receiver.alarm is None


async def test_an_author_that_comes_back_with_another_log_is_stopped(
    begin: Begin, eng: Side
) -> None:
    first = await begin("ops")
    await first.say(3)
    await eventually(lambda: holds_all(eng, first))
    held = await eng.received()
    await first.stop()

    second = await begin("ops", store=memory_store("ops"))

    await eventually(lambda: second.exchange.handshake.alarm)
    with pytest.raises(LogReadOnly, match="holds events of log"):
        await second.log.append(Append((draft("ops", "OPS-1"),), {"OPS-1": 0}))
    await eventually(lambda: eng.exchange.status().receiver.alarm)
    alarm = eng.exchange.status().receiver.alarm
    assert alarm is not None
    assert alarm.rule == OTHER_LOG
    assert await eng.received() == held


async def test_a_forged_head_stops_nobody(ops: Side, eng: Side, outsider: Client) -> None:
    await ops.say(3)
    await eventually(lambda: holds_all(eng, ops))

    forged = {"log": str(SOMEBODY), "epoch": 9, "position": 10**6, "sequence": 10**6}
    for body in (msgspec.json.encode(forged), b"garbage", b"", b"{}"):
        await outsider.publish(subjects.head("ops"), body)
    await ops.say(3)

    await eventually(lambda: holds_all(eng, ops))
    assert eng.exchange.status().receiver.alarm is None


async def test_an_event_that_cannot_be_interpreted_is_stored_all_the_same(
    ops: Side, eng: Side
) -> None:
    eng.interpreter.fails_on = {2, 7}

    await ops.say_at_once(40)

    await eventually(lambda: holds_all(eng, ops))
    assert eng.exchange.status().receiver.uninterpreted == 2

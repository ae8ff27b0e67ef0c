"""``caselog verify`` and a log that was restored: what it says it took back may stand elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from caselog.verifying.one_log import LogCheck
from shared.eventlog.groups import leaf_hash
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append, Foreign, Row
from shared.eventlog.recovered import STREAM, LogRecovered
from shared.events import ops
from shared.events.codec import Codec
from shared.events.envelope import Draft
from tests.kit.clock import SettableClock
from tests.kit.noted import any_id
from tests.kit.sides import draft


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def log(clock: SettableClock) -> AsyncIterator[EventLog]:
    store = MemoryStore(source=ops.SOURCE, clock=clock, new_id=any_id)
    codec = Codec([*ops.PUBLISHED, LogRecovered])
    log = EventLog(store, source=ops.SOURCE, codec=codec, clock=clock)
    await log.start()
    yield log
    await log.stop()


async def say(log: EventLog, stream: str) -> Row:
    (row,) = (await log.append(Append((draft("ops", stream),), {stream: 0}))).rows
    return row


async def lose_and_recover(log: EventLog, clock: SettableClock) -> list[Row]:
    """One event stays, a private one is lost, two published ones come back, one follows."""
    store = log.store
    assert isinstance(store, MemoryStore)
    await say(log, "OPS-1")
    backup = store.backup()
    murmur = replace(draft("ops", "log"), data=recovered())
    await log.append(Append((murmur,), {STREAM: 0}))
    lost = [await say(log, "OPS-2"), await say(log, "OPS-3")]
    await log.stop()
    store.restore(backup)
    clock.now += timedelta(hours=1)
    again = EventLog(store, source=ops.SOURCE, codec=log.codec, clock=clock)
    await again.start()
    back = tuple(
        Foreign(r.id, r.stream, r.type, r.source, r.epoch, r.sequence or 0, r.entry) for r in lost
    )
    await again.append_recovered(Append(back, {"OPS-2": 0, "OPS-3": 0}))
    said: Draft = replace(murmur, id=any_id())
    await again.append_recovered(Append((said,), {STREAM: 0}, epoch=2))
    await say(again, "OPS-4")
    await again.stop()
    return list(await store.read(0, 100))


def recovered(lost_from: int = 2, count: int = 2, after: int = 1) -> LogRecovered:
    return LogRecovered(
        old_epoch=1, epoch=2, lost_from=lost_from, recovered=count, said=3, after_position=after
    )


async def found(log: EventLog, rows: Sequence[Row]) -> list[str]:
    tip = await log.store.tip()
    check = LogCheck(own=ops.SOURCE, log=tip.head.log)
    return [*check.rows(rows), *check.end(tip, None)]


async def test_what_the_log_says_it_took_back_stands_where_it_stands(
    log: EventLog, clock: SettableClock
) -> None:
    rows = await lose_and_recover(log, clock)

    assert [row.sequence for row in rows] == [1, 2, 3, None, 4]
    assert await found(log, rows) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (recovered(lost_from=3, count=1), ["position 4: recovered nothing at position 2"]),
        (recovered(after=2), ["position 4: recovered nothing at position 2"]),
        (recovered(count=1), ["position 4: says that it recovered events up to 2"]),
    ],
    ids=["too few", "behind another position", "another number"],
)
async def test_nothing_else_does(
    log: EventLog, clock: SettableClock, said: LogRecovered, told: list[str]
) -> None:
    rows = await lose_and_recover(log, clock)
    true = log.codec.decode(rows[3].type, rows[3].entry).data
    assert isinstance(true, LogRecovered)
    entry = rows[3].entry
    for name in ("lost_from", "recovered", "after_position"):
        before, after = (f'"{name}":{getattr(each, name)}'.encode() for each in (true, said))
        entry = entry.replace(before, after)
    rows[3] = replace(rows[3], entry=entry, leaf=leaf_hash(entry))

    text = "\n".join(await found(log, rows))

    assert [line for line in told if line not in text] == [], text


async def test_rows_out_of_place_without_a_word_about_them(
    log: EventLog, clock: SettableClock
) -> None:
    rows = await lose_and_recover(log, clock)

    text = "\n".join(await found(log, rows[:3]))

    assert "position 2: the column position is 2, the entry says 3" in text

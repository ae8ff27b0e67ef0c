"""Operations' log, and what Engineering says to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.bus.entries import Arrived, Author
from shared.bus.patience import Patience
from shared.bus.storing import Keeper
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Foreign
from shared.hosting.clock import utc_now
from tests.kit.sides import CODEC, PlainInterpreter, draft, memory_store

ENG = Author("eng")


async def arrivals(count: int) -> list[Arrived]:
    """Events as Engineering published them, on three cases."""
    log = EventLog(memory_store("eng"), source=ENG.source, codec=CODEC, clock=utc_now)
    await log.start()
    versions = dict.fromkeys(["OPS-1", "OPS-2", "OPS-3"], 0)
    arrived: list[Arrived] = []
    for number in range(count):
        stream = f"OPS-{number % 3 + 1}"
        request = Append((draft("eng", stream),), {stream: versions[stream]})
        (row,) = (await log.append(request)).rows
        versions[stream] += 1
        assert row.sequence is not None
        arrived.append(
            Arrived(
                log.head.log,
                Foreign(row.id, stream, row.type, row.source, row.epoch, row.sequence, row.entry),
            )
        )
    await log.stop()
    return arrived


class Receiving:
    """Operations' log and a keeper for what Engineering says."""

    def __init__(self) -> None:
        source = "/caselog/ops"
        self.log = EventLog(memory_store("ops"), source=source, codec=CODEC, clock=utc_now)
        self.plain = PlainInterpreter(self.log)
        self.change: Callable[[Append, Sequence[Foreign]], Append] = lambda append, _: append
        self.asked: list[int] = []
        self.keeper = Keeper(self.log, ENG, self, Patience("a test"))

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        self.asked.append(len(batch))
        return self.change(await self.plain.interpret(batch), batch)

    async def held(self) -> list[bytes]:
        rows = await self.log.store.read(0, 1_000)
        return [row.entry for row in rows if row.source == ENG.source]

    async def say(self, stream: str = "OPS-1") -> None:
        rows = await self.log.store.read_streams([stream])
        version = rows[-1].version if rows else 0
        await self.log.append(Append((draft("ops", stream),), {stream: version}))


def entries(arrived: Sequence[Arrived]) -> list[bytes]:
    return [each.event.entry for each in arrived]

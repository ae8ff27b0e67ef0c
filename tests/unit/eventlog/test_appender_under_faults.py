"""Any faults, in any order: what was acknowledged is there once, what was refused is not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from uuid import UUID

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    EventLogError,
    Row,
    UniqueKey,
)
from tests.kit.clock import SettableClock
from tests.kit.noted import CODEC, SOURCE, any_id, append, noted
from tests.kit.troubled_store import Trouble, TroubledStore

STREAMS = ["a", "b", "c", "d", "e"]
PROCESSES = 2
WRITERS = 12
APPENDS = 12


class World:
    """Two processes that write to one log, and what they were told."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.store = TroubledStore(
            lambda _: self._trouble(), source=SOURCE, clock=SettableClock(), new_id=any_id
        )
        self.quiet = False
        self.told: list[tuple[Append, Appended | EventLogError]] = []
        self.heard: list[list[Row]] = [[] for _ in range(PROCESSES)]

    def _trouble(self) -> Trouble:
        if self.quiet or self.dice.random() < 0.6:
            return Trouble.NONE
        return self.dice.choice(list(Trouble))

    async def run(self) -> None:
        logs = [await self._process(heard) for heard in self.heard]
        writers = [self._write(log) for log in logs for _ in range(WRITERS)]
        poltergeist = asyncio.create_task(self._let_ghosts_go())
        await asyncio.gather(*writers)
        self.quiet = True
        poltergeist.cancel()
        await asyncio.wait({poltergeist})
        await self.store.let_ghosts_go()
        for log in logs:
            await log.stop()

    async def _process(self, heard: list[Row]) -> EventLog:
        clock = SettableClock()
        log = EventLog(
            self.store, source=SOURCE, codec=CODEC, clock=clock, patience=2, jitter=lambda: 0.0
        )
        log.on_commit(heard.extend)
        await log.start()
        return log

    async def _write(self, log: EventLog) -> None:
        for _ in range(APPENDS):
            streams = self.dice.sample(STREAMS, self.dice.choice([1, 1, 2]))
            rows = await log.store.read_streams(streams)
            versions = Counter(row.stream for row in rows)
            keys: tuple[UniqueKey, ...] = ()
            if self.dice.random() < 0.3:
                keys = (UniqueKey("k", str(self.dice.randrange(30)), "v"),)
            request = append(
                *[noted(s) for s in streams], at={s: versions[s] for s in streams}, keys=keys
            )
            try:
                self.told.append((request, await log.append(request)))
            except EventLogError as error:
                self.told.append((request, error))

    async def _let_ghosts_go(self) -> None:
        while True:
            for _ in range(self.dice.randrange(40)):
                await asyncio.sleep(0)
            await self.store.let_ghosts_go()


def ids(request: Append) -> set[UUID]:
    return {event.id for event in request.events}


@pytest.mark.parametrize("seed", range(60))
async def test_acknowledged_once_refused_never(seed: int) -> None:
    world = World(seed)
    await world.run()

    rows = await world.store.read(0, 100_000)
    recorded = Counter(row.id for row in rows)
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    assert set(recorded.values()) <= {1}
    for stream in STREAMS:
        versions = [row.version for row in rows if row.stream == stream]
        assert versions == list(range(1, len(versions) + 1))
    for request, outcome in world.told:
        there = ids(request) & recorded.keys()
        if isinstance(outcome, Appended):
            assert [recorded[row.id] for row in outcome.rows] == [1] * len(request.events)
            assert {row.position: row for row in outcome.rows} == {
                row.position: rows[row.position - 1] for row in outcome.rows
            }
        elif isinstance(outcome, AppendUnsettled):
            assert there in (set(), ids(request))
        else:
            assert there == set()
    told = {r.id for _, o in world.told if isinstance(o, Appended) for r in o.rows}
    assert {row.id for heard in world.heard for row in heard} == told
    for heard in world.heard:
        assert [row.position for row in heard] == sorted({row.position for row in heard})
    assert any(isinstance(outcome, Appended) for _, outcome in world.told)

"""From commit in one log to commit in the other, between two processes, against the bare pipe.

Both are measured at 50 events a second, one at a time, and with 64 callers that never pause. Times
are taken where each side first knows of its commit. The interpreter adds no reactions and keeps the
versions of streams in memory: this is the exchange, not a service.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import uvloop

from bench.effort import Effort
from bench.floors.propagation import BareAuthor, BareReceiver, Note
from bench.ground import Ground
from bench.report import Report
from shared.bus.exchange import Exchange
from shared.bus.jetstream import nats_transport
from shared.bus.memory import MemoryDeadLetters, Unopposed
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Foreign, Row
from shared.eventlog.postgres import PostgresStore
from shared.events import eng, ops
from shared.events.codec import Codec
from shared.events.envelope import Draft
from shared.events.intake import IntakeEvent, Receipt, Service
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id

RATE: Final = 50
CALLERS: Final = 64
STREAM_EVENTS: Final = 50
PACED_TURNS: Final = 4
FLOOD_TURNS: Final = 2
"""How many times longer than a run of other benches these are: delays need many to have a p99."""
SETTLED_S: Final = 2.0
CAUGHT_UP_S: Final = 60.0
OURS: Final = "caselog"
BARE: Final = "bare asyncpg → JetStream → asyncpg"
ENTRY_BYTES: Final = 620
"""Of the text that the floor carries: the size of an entry of ours."""

Times = dict[int, int]
"""When each event was known to be committed, by its number, in ns of the machine's clock."""
Step = Callable[[str, int], Awaitable[object]]
"""Appends one event to a stream, at the version that it has."""
Load = Callable[[Step, Iterator[int]], Awaitable[None]]
"""Appends events to streams of these numbers."""

BODY: Final = ops.Commented(
    comment="The customer cannot sign in since the update of last night; the log is attached.",
    visibility="internal",
    mentions=(),
)


def draft(stream: str) -> Draft:
    return Draft(
        id=new_id(),
        subject=stream,
        time=utc_now(),
        correlationid="01932b6f-8a00-7abc-8def-0123456789ab",
        causationid="01932b6f-8a00-7abc-8def-0123456789ab",
        actor="person:ada",
        data=BODY,
    )


class Counting:
    """An interpreter that knows every version by heart, and a handler that is never called."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        versions = self._versions
        expected = {event.subject: versions.get(event.subject, 0) for event in batch}
        after = dict(expected)
        for event in batch:
            after[event.subject] += 1
        versions.update(after)
        return Append(tuple(batch), expected)

    async def handle(self, event: IntakeEvent) -> Receipt:
        raise NotImplementedError


class Side:
    """One service's log and exchange. Notes the commit of what ``author`` published."""

    def __init__(
        self, service: Service, other: Service, dsn: str, url: str, *, author: str, note: Note
    ) -> None:
        source = f"/caselog/{service}"
        store = PostgresStore(dsn, source=source)
        codec = Codec([*ops.PUBLISHED, *eng.PUBLISHED])
        self.log = EventLog(store, source=source, codec=codec, clock=utc_now)

        def committed(rows: Sequence[Row]) -> None:
            now = time.monotonic_ns()
            for row in rows:
                if row.source == author and row.sequence is not None:
                    note(row.sequence, now)

        self.log.on_commit(committed)
        counting = Counting()
        self.exchange = Exchange(
            service=service,
            other=other,
            log=self.log,
            transport=nats_transport(
                url, service=service, other=other, log=self.log, on_closed=lambda: None
            ),
            interpreter=counting,
            handler=counting,
            dead_letters=MemoryDeadLetters(clock=utc_now, new_id=new_id),
            election=Unopposed(),
            clock=utc_now,
        )

    async def start(self) -> None:
        await self.log.start()
        await self.exchange.start()
        await self.exchange.handshake.until(passed=True)

    async def stop(self) -> None:
        await self.exchange.stop()
        await self.log.stop()


# --- the receiving process --------------------------------------------------------------------


def receive(pipe: Connection, kind: str, dsn: str, url: str) -> None:
    """Runs a receiver until it is told how much there is, and it has that."""
    uvloop.run(_receive(pipe, kind, dsn, url))


async def _receive(pipe: Connection, kind: str, dsn: str, url: str) -> None:
    times: Times = {}
    more = asyncio.Event()

    def note(number: int, now: int) -> None:
        times[number] = now
        more.set()

    if kind == BARE:
        receiver: Any = BareReceiver(dsn, url, note)
    else:
        receiver = Side("eng", "ops", dsn, url, author=ops.SOURCE, note=note)
    await receiver.start()
    pipe.send("ready")
    while (total := await asyncio.to_thread(pipe.recv)) is not None:
        try:
            async with asyncio.timeout(CAUGHT_UP_S):
                while len(times) < total:
                    more.clear()
                    await more.wait()
        except TimeoutError:
            print(f"{kind}: {len(times)} of {total} arrived", flush=True)
        pipe.send(dict(times))
    await receiver.stop()


# --- the publishing process -------------------------------------------------------------------


def paced(seconds: float) -> Load:
    """One event every 20 ms, whatever the one before it does."""

    async def load(step: Step, streams: Iterator[int]) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in range(max(2, int(seconds * RATE))):
                await asyncio.sleep(max(0.0, begin + number / RATE - loop.time()))
                group.create_task(_one(step, f"OPS-{next(streams)}"))

    return load


def flood(seconds: float) -> Load:
    """Callers that append one event after the other, each on streams of its own."""

    async def load(step: Step, streams: Iterator[int]) -> None:
        deadline = time.perf_counter() + seconds

        async def call() -> None:
            while time.perf_counter() < deadline:
                stream = f"OPS-{next(streams)}"
                for version in range(STREAM_EVENTS):
                    await step(stream, version)

        await asyncio.gather(*[call() for _ in range(CALLERS)])

    return load


async def _one(step: Step, stream: str) -> None:
    await step(stream, 0)


class Pipe:
    """One way from database to database: author here, receiver in another process."""

    def __init__(self, kind: str, dsns: tuple[str, str], url: str) -> None:
        self.kind = kind
        self.sent: Times = {}
        self._dsn, self._dsn_there = dsns
        self._url = url
        self._streams = itertools.count(1)

    async def start(self) -> None:
        note = self.sent.__setitem__
        if self.kind == BARE:
            bare = BareAuthor(self._dsn, self._url, note)
            entry = b"x" * ENTRY_BYTES
            self._author: Any = bare
            self._step: Step = lambda stream, version: bare.append(stream, version + 1, entry)
        else:
            side = Side("ops", "eng", self._dsn, self._url, author=ops.SOURCE, note=note)
            self._author = side
            self._step = lambda stream, version: side.log.append(
                Append((draft(stream),), {stream: version})
            )
        await self._author.start()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=receive, args=(theirs, self.kind, self._dsn_there, self._url), daemon=True
        )
        self._process.start()
        theirs.close()  # so that waiting for a process that died ends in EOFError
        await asyncio.to_thread(self._pipe.recv)
        await asyncio.sleep(SETTLED_S)

    async def stop(self) -> None:
        self._pipe.send(None)
        await asyncio.to_thread(self._process.join)
        await self._author.stop()

    async def carry(self, load: Load) -> tuple[list[int], list[int]]:
        """When each event of one load was committed here, and when there, in order."""
        before = len(self.sent)
        await load(self._step, self._streams)
        self._pipe.send(len(self.sent))
        there: Times = await asyncio.to_thread(self._pipe.recv)
        numbers = sorted(self.sent)[before:]
        missing = [number for number in numbers if number not in there]
        if missing:
            raise RuntimeError(f"{self.kind}: {len(missing)} of {len(numbers)} never arrived")
        return [self.sent[n] for n in numbers], [there[n] for n in numbers]


async def measure(report: Report, ground: Ground, effort: Effort) -> None:
    """Both ways, each load and each run of one after that of the other."""
    url = await ground.nats()
    ours = Pipe(OURS, (ground.dsn("ops"), ground.dsn("eng")), url)
    bare = Pipe(BARE, (ground.bare_dsn("ops"), ground.bare_dsn("eng")), url)
    figures: dict[str, dict[str, list[float]]] = {OURS: {}, BARE: {}}
    pipes = (ours, bare)
    for pipe in pipes:
        await pipe.start()
    try:
        for pipe in pipes:
            await pipe.carry(paced(0.5))
        for _ in range(effort.runs):
            for pipe in pipes:
                here, there = await pipe.carry(paced(effort.seconds * PACED_TURNS))
                _note_delays(figures[pipe.kind], here, there)
        for _ in range(effort.runs):
            for pipe in pipes:
                here, there = await pipe.carry(flood(effort.seconds * FLOOD_TURNS))
                rate = len(here) / ((max(there) - min(here)) / 1e9)
                figures[pipe.kind].setdefault(f"propagation, {CALLERS} callers", []).append(rate)
    finally:
        for pipe in pipes:
            await pipe.stop()
    for name, measured in figures[OURS].items():
        is_rate = name.endswith("callers")
        report.add(
            name,
            "events/s" if is_rate else "ms",
            measured,
            floor_name=BARE,
            floor=figures[BARE][name],
            more_is_better=is_rate,
        )


def _note_delays(figures: dict[str, list[float]], here: list[int], there: list[int]) -> None:
    delays = [(b - a) / 1e6 for a, b in zip(here, there, strict=True)]
    percentiles = statistics.quantiles(delays, n=100)
    for name, value in (("p50", percentiles[49]), ("p99", percentiles[98])):
        figures.setdefault(f"propagation at {RATE}/s, {name}", []).append(value)

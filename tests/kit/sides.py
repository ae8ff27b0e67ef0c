"""One side of the exchange with nothing of the domain in it.

A log, an interpreter that adds no reactions, an intake that records every event as a private note.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import UUID

from shared.bus.dead_letters import DeadLetters
from shared.bus.election import Election
from shared.bus.exchange import Exchange, Transport
from shared.bus.log_reader import answer
from shared.bus.memory import MemoryBroker, MemoryBus, MemoryDeadLetters, Unopposed
from shared.bus.port import BusUnavailable
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append, Foreign, Row, UniqueKey
from shared.eventlog.port import LogStore
from shared.eventlog.recovered import LogRecovered
from shared.events import eng, ops, subjects
from shared.events.codec import Codec
from shared.events.envelope import Draft, Private
from shared.events.intake import IntakeEvent, Receipt, Service
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.kit.examples import minimal

OTHER: Final[dict[Service, Service]] = {"ops": "eng", "eng": "ops"}
OCCURRED: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Noted(Private, frozen=True, kw_only=True, omit_defaults=True):
    """An event of another system was recorded."""

    TYPE: ClassVar[str] = "caselog.test.noted.v1"
    of: str


CODEC: Final = Codec([*ops.PUBLISHED, *eng.PUBLISHED, Noted, LogRecovered])
SAYS: Final = {"ops": minimal(ops.Commented), "eng": minimal(eng.Commented)}


def draft(service: Service, stream: str, event_id: UUID | None = None) -> Draft:
    """Something that ``service`` publishes about ``stream``."""
    return Draft(
        id=event_id or new_id(),
        subject=stream,
        time=OCCURRED,
        correlationid="a-request",
        causationid="a-request",
        actor="person:ada",
        data=SAYS[service],
    )


def source_of(service: Service) -> str:
    return f"/caselog/{service}"


def memory_store(service: Service) -> MemoryStore:
    return MemoryStore(source=source_of(service), clock=utc_now, new_id=new_id)


class MemoryTransport:
    """A connection to a broker in memory, which serves reads of the log like the real one."""

    trouble: str | None = None

    def __init__(self, broker: MemoryBroker, service: Service, log: EventLog) -> None:
        self.bus = MemoryBus(broker)
        self._subject = subjects.log_read(service)
        self._log = log

    @property
    def is_connected(self) -> bool:
        return self.bus.is_connected

    async def start(self) -> None:
        self.bus.broker.answers[self._subject] = self._answer

    async def maintain(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        self.bus.broker.answers.pop(self._subject, None)

    async def _answer(self, request: bytes) -> bytes:
        if not self.is_connected:
            raise BusUnavailable("the one who answers is not connected")
        return await answer(self._log, request)


class PlainInterpreter:
    """Stores what is heard and reacts to nothing; fails on the sequences in ``fails_on``."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.fails_on: set[int] = set()
        self.asked: list[tuple[int, ...]] = []

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        self.asked.append(tuple(event.sequence for event in batch))
        if self.fails_on & set(self.asked[-1]):
            raise RuntimeError("a bug")
        versions = dict.fromkeys([event.subject for event in batch], 0)
        for row in await self._log.store.read_streams(list(versions)):
            versions[row.stream] = row.version
        return Append(tuple(batch), versions)


class NotingHandler:
    """Records each event of another system once, as a note in the stream that it is about.

    ``before`` is awaited first; it may wait, refuse or raise.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.handled: defaultdict[str, list[str]] = defaultdict(list)
        self.before: Callable[[IntakeEvent], Awaitable[Receipt | None]] | None = None

    async def handle(self, event: IntakeEvent) -> Receipt:
        if self.before is not None and (receipt := await self.before(event)) is not None:
            return receipt
        stream = (event.subject or "NOTES").replace(":", "-")
        self.handled[stream].append(event.id)
        if (await self._log.store.taken("intake", [event.once])).get(event.once):
            return Receipt(outcome="duplicate", key=stream)
        rows = await self._log.store.read_streams([stream])
        noted = Draft(
            id=new_id(),
            subject=stream,
            time=event.time,
            correlationid=event.once,
            causationid=event.once,
            actor=f"system:{event.system}",
            data=Noted(of=event.id),
        )
        key = UniqueKey("intake", event.once, stream)
        version = rows[-1].version if rows else 0
        appended = await self._log.append(Append((noted,), {stream: version}, (key,)))
        return Receipt(outcome="recorded", key=stream, position=appended.position)


class Side:
    """One service as far as the exchange sees it. ``store`` outlives a crash of the rest."""

    def __init__(
        self,
        service: Service,
        connect: Callable[[EventLog, Service, Service], Transport],
        *,
        store: LogStore | None = None,
        dead_letters: DeadLetters | None = None,
        election: Election | None = None,
    ) -> None:
        self.service = service
        self.store = store or memory_store(service)
        self.log = EventLog(self.store, source=source_of(service), codec=CODEC, clock=utc_now)
        self.dead_letters = dead_letters or MemoryDeadLetters(clock=utc_now, new_id=new_id)
        self.interpreter = PlainInterpreter(self.log)
        self.handler = NotingHandler(self.log)
        self.transport = connect(self.log, service, OTHER[service])
        self.exchange = Exchange(
            service=service,
            other=OTHER[service],
            log=self.log,
            transport=self.transport,
            interpreter=self.interpreter,
            handler=self.handler,
            dead_letters=self.dead_letters,
            election=election or Unopposed(),
            clock=utc_now,
        )
        self._versions: Counter[str] = Counter()

    async def start(self) -> None:
        await self.log.start()
        await self.exchange.start()

    async def stop(self) -> None:
        await self.exchange.stop()
        await self.log.stop()

    async def writable(self) -> None:
        """Returns once the log was compared with the other's, or with the stream."""
        await self.exchange.handshake.until(passed=True)

    async def say(self, count: int, streams: int = 3) -> None:
        """Publishes so many events, spread over streams that the other side does not write."""
        await self.writable()
        for number in range(count):
            stream = f"{self.service.upper()}-{number % streams + 1}"
            drafts = (draft(self.service, stream),)
            await self.log.append(Append(drafts, {stream: self._versions[stream]}))
            self._versions[stream] += 1

    async def say_at_once(self, count: int, streams: int = 3) -> None:
        """The same in one append, so that they are published together."""
        await self.writable()
        drafts = [
            draft(self.service, f"{self.service.upper()}-{number % streams + 1}")
            for number in range(count)
        ]
        expected = {each.subject: self._versions[each.subject] for each in drafts}
        self._versions.update(each.subject for each in drafts)
        await self.log.append(Append(tuple(drafts), expected))

    async def published(self) -> list[bytes]:
        """The exact bytes of all that this side published."""
        return [row.entry for row in await self._rows(self.service)]

    async def received(self) -> list[bytes]:
        """The exact bytes of all that this side holds of the other, in its order."""
        return [row.entry for row in await self._rows(OTHER[self.service])]

    async def _rows(self, author: Service) -> list[Row]:
        rows: list[Row] = []
        while page := await self.store.read(rows[-1].position if rows else 0, 5_000):
            rows += page
        return [row for row in rows if row.source == source_of(author) and row.sequence]


async def holds_all(receiver: Side, author: Side) -> bool:
    """Whether the one holds exactly what the other published: each once, in order, same bytes."""
    return await receiver.received() == await author.published()

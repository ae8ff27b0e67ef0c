"""One process's connection to the broker: everything takes time, and much goes wrong.

``SimBus`` is the in-memory bus with the seed's weather on the way; with calm weather it is that
bus and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Final, TypeVar

from shared.bus.log_reader import Unanswerable, answer
from shared.bus.memory import MemoryBus
from shared.bus.port import (
    MESSAGES_MAX,
    Answer,
    BusError,
    BusRefused,
    BusUnavailable,
    Consumer,
    Delivery,
    Message,
    StreamMissing,
)
from shared.eventlog.log import EventLog
from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.broker import Answerer, Heard, Listener, SimBroker
from tests.simulation.loop import Process
from tests.simulation.weather import Weather

T = TypeVar("T")

ANSWER_S: Final = 1.0
"""How long an answer of the broker is waited for."""
CONNECT_S: Final = 0.2
"""How often a connection is tried."""
MAINTAIN_S: Final = 2.0
"""How often a service looks for its streams; oftener than in production."""


class Wire:
    """What a connection shares with all others of its world."""

    def __init__(
        self,
        broker: SimBroker,
        loop: asyncio.AbstractEventLoop,
        weather: Weather,
        context: Context,
        announced: Callable[[Service, bytes], None] = lambda *_: None,
    ) -> None:
        self.broker = broker
        self.loop = loop
        self.weather = weather
        self.context = context
        self.announced = announced

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Calls back as the world, whatever becomes of the process that asked."""
        self.loop.call_later(seconds, call, *arguments, context=self.context)

    def start(self, process: Process, work: Awaitable[T]) -> asyncio.Task[T]:
        """Does a piece of work as a part of a process."""
        coroutine = work if asyncio.iscoroutine(work) else _waiting_for(work)
        return self.loop.create_task(coroutine, context=process.context)

    async def cross(self) -> None:
        """The way to the broker, as long as somebody waits for it."""
        await asyncio.sleep(self.weather.latency())


class SimConsumer:
    """``Consumer``; deliveries get lost, doubled, shuffled and late."""

    def __init__(self, inner: Consumer, bus: SimBus, stream: str, process: Process) -> None:
        self._inner = inner
        self._bus = bus
        self._stream = stream
        self._process = process
        self._kept: list[Delivery] = []

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        bus, weather = self._bus, self._bus.wire.weather
        bus.restore(self._stream)
        if self._kept:
            kept, self._kept = self._kept[:limit], self._kept[limit:]
            return kept
        if (slow := self._process.slow_until - bus.wire.loop.time()) > 0:
            await asyncio.sleep(slow * weather.dice.random())
            limit = 1
        taken = list(await self._inner.next(limit, timeout))
        if not taken:
            return ()
        if weather.strikes("delay"):
            await asyncio.sleep(weather.dice.random() * 3)
        arrived = [each for each in taken if not weather.strikes("drop")]
        arrived += [each for each in arrived if weather.strikes("duplicate")]
        if len(arrived) > 1 and weather.strikes("reorder"):
            weather.dice.shuffle(arrived)
        self._kept = arrived[limit:]
        return arrived[:limit]

    async def ack(self, delivery: Delivery) -> None:
        weather = self._bus.wire.weather
        if not weather.strikes("lost ack"):
            late = weather.dice.random() * 6 if weather.strikes("late ack") else 0.0
            self._bus.wire.later(weather.latency() + late, self._acknowledge, delivery)

    def _acknowledge(self, delivery: Delivery) -> None:
        # The number alone is no name: the stream may have been made anew meanwhile.
        if self._bus.is_current(self._stream, delivery):
            self._bus.wire.broker.acknowledge(
                self._stream, self._bus.consumer_of(self._stream), int(delivery.handle)
            )

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None:
        await self._inner.in_progress(deliveries)


class SimBus(MemoryBus):
    """``Bus`` of one process; it restores the streams of ``own`` when it finds them missing."""

    def __init__(self, wire: Wire, process: Process, service: Service, own: Sequence[str]) -> None:
        super().__init__(wire.broker)
        self.broker: SimBroker = wire.broker
        self.wire = wire
        self._process = process
        self._service = service
        self._own = frozenset(own)

    @property
    def is_connected(self) -> bool:
        return self.wire.broker.is_up

    @is_connected.setter
    def is_connected(self, _: bool) -> None:
        """The broker alone decides that here."""

    def restore(self, stream: str) -> None:
        """What a provisioner does when a stream of its service is not there."""
        if stream in self._own and self.is_connected:
            self.wire.broker.ensure(stream)

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        if len(messages) > MESSAGES_MAX:
            raise ValueError(f"{len(messages)} messages at once; the limit is {MESSAGES_MAX}")
        await self._reach()
        weather, broker = self.wire.weather, self.wire.broker
        if not messages:
            return 0
        if stream in broker.missing:
            self.restore(stream)
            raise StreamMissing(f"no stream takes {messages[0].subject}")
        if weather.strikes("drop"):
            return await self._unanswered()
        if weather.strikes("late publish"):
            late = ANSWER_S + weather.dice.random() * 2
            self.wire.later(late, self._put, stream, list(messages))
            return await self._unanswered()
        if len(messages) > 1 and weather.strikes("part published"):
            self._put(stream, messages[: weather.dice.randrange(len(messages))])
            return await self._unanswered()
        duplicates = self._put(stream, messages)
        if weather.strikes("lost ack"):
            return await self._unanswered()
        if weather.strikes("late ack"):
            await asyncio.sleep(weather.dice.random() * ANSWER_S)
        else:
            await self.wire.cross()
        return duplicates

    def _put(self, stream: str, messages: Sequence[Message]) -> int:
        weather, broker = self.wire.weather, self.wire.broker
        if not broker.is_up or stream in broker.missing:
            return 0
        order = list(messages)
        if len(order) > 1 and weather.strikes("reorder"):
            weather.dice.shuffle(order)
        before = broker.last_number(stream)
        duplicates = sum([broker.store(stream, message) for message in order])
        if weather.strikes("duplicate"):
            broker.again(stream, order[-1])
        if stream in subjects.EVENT_STREAMS.values():
            # Of the intake the broker has the only copy, and its publisher believes the answer.
            if weather.strikes("corrupt"):
                broker.corrupt_last(stream)
            if weather.strikes("ack then loss"):
                self.wire.later(
                    weather.dice.random(), broker.lose, stream, lambda number: number > before
                )
        return duplicates

    async def _unanswered(self) -> int:
        await asyncio.sleep(ANSWER_S)
        raise BusUnavailable("no answer")

    async def last(self, stream: str) -> bytes | None:
        await self._reach()
        return None if stream in self.wire.broker.missing else await super().last(stream)

    @asynccontextmanager
    async def consume(  # type: ignore[override] # a consumer of the port, not the twin's own
        self, stream: str, consumer: str
    ) -> AsyncIterator[Consumer]:
        async with super().consume(stream, consumer) as inner:
            yield SimConsumer(inner, self, stream, self._process)

    def consumer_of(self, stream: str) -> str:
        return f"{self._service}-{'intake' if stream == subjects.INTAKE else 'receiver'}"

    def is_current(self, stream: str, delivery: Delivery) -> bool:
        return self.wire.broker.is_current(stream, delivery)

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        await self._reach()
        wire, weather = self.wire, self.wire.weather
        answerers = wire.broker.who_answers[subject]
        if not answerers:
            raise BusUnavailable(f"nobody answers {subject}")
        answered: asyncio.Future[bytes] = wire.loop.create_future()
        chosen = weather.dice.choice(answerers)
        if not weather.strikes("drop"):
            wire.later(weather.latency(), self._answer, chosen, body, answered)
        try:
            async with asyncio.timeout(timeout):
                return await answered
        except TimeoutError:
            raise BusUnavailable(f"{subject} does not answer") from None

    def _answer(self, answerer: Answerer, body: bytes, answered: asyncio.Future[bytes]) -> None:
        if not answerer.process.is_alive:
            return
        wire = self.wire

        def done(task: asyncio.Task[bytes]) -> None:
            late = wire.weather.dice.random() * 7 if wire.weather.strikes("delay") else 0.0
            wire.later(wire.weather.latency() + late, _settle, answered, task)

        task = wire.start(answerer.process, answerer.answer(body))
        task.add_done_callback(done, context=wire.context)

    @asynccontextmanager
    async def serve(self, subject: str, answer: Answer) -> AsyncIterator[None]:
        await self._reach()

        async def answer_if_connected(body: bytes) -> bytes:
            if not self.is_connected:
                raise BusUnavailable("the one who answers is not connected")
            try:
                return await answer(body)
            except BusError:
                raise
            except Exception as error:
                raise BusUnavailable("no answer: it failed") from error

        answerer = Answerer(self._process, answer_if_connected)
        answerers = self.wire.broker.who_answers[subject]
        answerers.append(answerer)
        try:
            yield
        finally:
            if answerer in answerers:
                answerers.remove(answerer)

    async def announce(self, subject: str, body: bytes) -> None:
        await self._reach()
        wire, weather = self.wire, self.wire.weather
        wire.announced(self._service, body)
        for listener in wire.broker.who_listens[subject]:
            if weather.strikes("drop"):
                continue
            late = weather.dice.random() * 4 if weather.strikes("delay") else 0.0
            wire.later(weather.latency() + late, self._tell, listener, body)
            if weather.strikes("duplicate"):
                wire.later(weather.dice.random() * 4, self._tell, listener, body)

    def _tell(self, listener: Listener, body: bytes) -> None:
        if listener.process.is_alive:
            self.wire.start(listener.process, listener.heard(body))

    @asynccontextmanager
    async def listen(self, subject: str, heard: Heard) -> AsyncIterator[None]:
        await self._reach()
        listener = Listener(self._process, heard)
        listeners = self.wire.broker.who_listens[subject]
        listeners.append(listener)
        try:
            yield
        finally:
            if listener in listeners:
                listeners.remove(listener)

    async def _reach(self) -> None:
        await self.wire.cross()
        if not self.is_connected:
            raise BusUnavailable("not connected")


class SimTransport:
    """``Transport``: connects, keeps the service's streams, serves reads of the log."""

    trouble: str | None = None

    def __init__(self, wire: Wire, process: Process, service: Service, log: EventLog) -> None:
        self._own = (subjects.EVENT_STREAMS[service], subjects.INTAKE, subjects.RECEIPTS)
        self._wire = wire
        self._process = process
        self._subject = subjects.log_read(service)
        self._log = log
        self.bus = SimBus(wire, process, service, self._own)

    @property
    def is_connected(self) -> bool:
        return self.bus.is_connected

    async def start(self) -> None:
        while not self.is_connected:  # noqa: ASYNC110 - clients of brokers do
            await asyncio.sleep(CONNECT_S)
        self._ensure()
        self._wire.broker.who_answers[self._subject].append(Answerer(self._process, self._answer))

    async def maintain(self) -> None:
        while True:
            self._ensure()
            await asyncio.sleep(MAINTAIN_S)

    async def stop(self) -> None:
        self._wire.broker.forget(self._process)

    def _ensure(self) -> None:
        for stream in self._own:
            self.bus.restore(stream)

    async def _answer(self, request: bytes) -> bytes:
        if not self.is_connected:
            raise BusUnavailable("the one who answers is not connected")
        try:
            return await answer(self._log, request)
        except Unanswerable as refusal:
            error = BusUnavailable if refusal.code >= 500 else BusRefused
            raise error(str(refusal)) from refusal


async def _waiting_for(work: Awaitable[T]) -> T:
    return await work


def _settle(answered: asyncio.Future[bytes], task: asyncio.Task[bytes]) -> None:
    if answered.done() or task.cancelled():
        return
    error = task.exception()
    if error is None:
        answered.set_result(task.result())
    else:
        answered.set_exception(error)

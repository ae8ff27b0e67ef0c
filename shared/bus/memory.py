"""The exchange's surroundings in memory: the real adapters' twins, for tests and simulation.

One ``MemoryBroker`` stands for the server, one ``MemoryBus`` for each connection to it. Like the
server it tells a lie: what it took for a duplicate it may no longer hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from shared.bus.dead_letters import PAGE_MAX, DeadLetter, Rejected, State
from shared.bus.port import (
    MESSAGE_ID,
    MESSAGES_MAX,
    Answer,
    BusUnavailable,
    Delivery,
    Message,
)
from shared.events import subjects

ACK_WAIT_S: Final = 30.0

Heard = Callable[[bytes], Awaitable[None]]


class _Stored:
    __slots__ = ("message", "number")

    def __init__(self, number: int, message: Message) -> None:
        self.number = number
        self.message = message


class _Durable:
    """How far a consumer is: what comes next, and since when what is waited for."""

    def __init__(self) -> None:
        self.next = 1
        self.pending: dict[int, float] = {}


class MemoryBroker:
    """The server: streams, consumers, whoever listens and answers.

    Args:
        ack_all: names of consumers for which an acknowledgement stands for all before it.
        ack_wait: seconds until what is not acknowledged comes again.
        filters: of a consumer that is not given the whole stream, the subjects (``intake.ops.>``).
    """

    def __init__(
        self,
        ack_all: Sequence[str] = (),
        ack_wait: float = ACK_WAIT_S,
        filters: Mapping[str, str] | None = None,
    ) -> None:
        self.ack_all = frozenset(ack_all)
        self.ack_wait = ack_wait
        self._beginnings = {name: subject[:-1] for name, subject in (filters or {}).items()}
        self.arrived = asyncio.Event()
        self.answers: dict[str, Answer] = {}
        self.listeners: dict[str, list[Heard]] = {}
        self._made = dict.fromkeys(subjects.STREAM_SUBJECTS, 0)
        self.wipe()

    def wipe(self) -> None:
        """Every stream and consumer is lost, and made anew, empty."""
        self.streams: dict[str, list[_Stored]] = {}
        self._numbers: dict[str, int] = {}
        self._ids: dict[str, set[str]] = {}
        self._durables: dict[tuple[str, str], _Durable] = {}
        for stream in subjects.STREAM_SUBJECTS:
            self.make(stream)

    def make(self, stream: str) -> None:
        """One stream is made anew, empty; its consumers begin at its start."""
        self._made[stream] += 1
        self.streams[stream] = []
        self._numbers[stream] = 0
        self._ids[stream] = set()
        self._durables = {name: d for name, d in self._durables.items() if name[0] != stream}

    def lose(self, stream: str, which: Callable[[int], bool] = lambda _: True) -> None:
        """Messages vanish, by their number; their ids stay known as duplicates."""
        self.streams[stream] = [s for s in self.streams[stream] if not which(s.number)]

    def store(self, stream: str, message: Message) -> bool:
        """Whether it was taken for a duplicate."""
        name = message.headers.get(MESSAGE_ID)
        if name is not None:
            if name in self._ids[stream]:
                return True
            self._ids[stream].add(name)
        self._numbers[stream] += 1
        self.streams[stream].append(_Stored(self._numbers[stream], message))
        self.arrived.set()
        self.arrived = asyncio.Event()
        return False

    def due(self, stream: str, consumer: str, limit: int, now: float) -> list[Delivery]:
        """What is to be delivered now: what comes again first, then what is new."""
        durable = self._durables.setdefault((stream, consumer), _Durable())
        again = {n for n, since in durable.pending.items() if now - since >= self.ack_wait}
        begins = self._beginnings.get(consumer, "")
        due = [
            s
            for s in self.streams[stream]
            if (s.number in again or s.number >= durable.next)
            and s.message.subject.startswith(begins)
        ]
        taken = due[:limit]
        for stored in taken:
            durable.pending[stored.number] = now
            durable.next = max(durable.next, stored.number + 1)
        return [
            Delivery(
                s.message.subject,
                s.message.body,
                s.message.headers,
                f"{s.number}.{self._made[stream]}",
                str(s.number),
            )
            for s in taken
        ]

    def acknowledge(self, stream: str, consumer: str, number: int) -> None:
        durable = self._durables.setdefault((stream, consumer), _Durable())
        upto = range(1, number + 1) if consumer in self.ack_all else (number,)
        for each in upto:
            durable.pending.pop(each, None)

    def progress(self, stream: str, consumer: str, number: int, now: float) -> None:
        durable = self._durables.setdefault((stream, consumer), _Durable())
        if number in durable.pending:
            durable.pending[number] = now


class _MemoryConsumer:
    def __init__(self, bus: MemoryBus, stream: str, consumer: str) -> None:
        self._bus = bus
        self._place = (stream, consumer)

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        broker = self._bus.broker
        while True:
            arrived = broker.arrived
            if self._bus.is_connected:
                due = broker.due(*self._place, limit, loop.time())
                if due:
                    return due
            left = min(deadline - loop.time(), broker.ack_wait / 2)
            if left <= 0:
                return ()
            try:
                async with asyncio.timeout(left):
                    await arrived.wait()
            except TimeoutError:
                continue

    async def ack(self, delivery: Delivery) -> None:
        if self._bus.is_connected:
            self._bus.broker.acknowledge(*self._place, int(delivery.handle))

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None:
        now = asyncio.get_running_loop().time()
        for delivery in deliveries:
            if self._bus.is_connected:
                self._bus.broker.progress(*self._place, int(delivery.handle), now)


class MemoryBus:
    """``Bus`` of the port; ``is_connected`` may be set."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.is_connected = True

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        if len(messages) > MESSAGES_MAX:
            raise ValueError(f"{len(messages)} messages at once; the limit is {MESSAGES_MAX}")
        await self._reach()
        return sum([self.broker.store(stream, message) for message in messages])

    async def last(self, stream: str) -> bytes | None:
        await self._reach()
        stored = self.broker.streams[stream]
        return stored[-1].message.body if stored else None

    @asynccontextmanager
    async def consume(self, stream: str, consumer: str) -> AsyncIterator[_MemoryConsumer]:
        yield _MemoryConsumer(self, stream, consumer)

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        await self._reach()
        answer = self.broker.answers.get(subject)
        if answer is None:
            raise BusUnavailable(f"nobody answers {subject}")
        return await answer(body)

    @asynccontextmanager
    async def serve(self, subject: str, answer: Answer) -> AsyncIterator[None]:
        await self._reach()

        async def answer_if_connected(body: bytes) -> bytes:
            if not self.is_connected:
                raise BusUnavailable("the one who answers is not connected")
            return await answer(body)

        self.broker.answers[subject] = answer_if_connected
        try:
            yield
        finally:
            if self.broker.answers.get(subject) is answer_if_connected:
                del self.broker.answers[subject]

    async def announce(self, subject: str, body: bytes) -> None:
        await self._reach()
        for heard in list(self.broker.listeners.get(subject, ())):
            await heard(body)

    @asynccontextmanager
    async def listen(self, subject: str, heard: Heard) -> AsyncIterator[None]:
        await self._reach()
        listeners = self.broker.listeners.setdefault(subject, [])
        listeners.append(heard)
        try:
            yield
        finally:
            listeners.remove(heard)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if not self.is_connected:
            raise BusUnavailable("not connected")


class MemoryDeadLetters:
    """``DeadLetters`` for as long as the object lives."""

    def __init__(self, *, clock: Callable[[], datetime], new_id: Callable[[], UUID]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._letters: dict[bytes, DeadLetter] = {}

    async def keep(self, rejected: Rejected) -> DeadLetter:
        known = self._letters.get(rejected.digest)
        if known is None:
            kept = DeadLetter(
                id=self._new_id(),
                received_at=self._clock(),
                route=rejected.route,
                headers=rejected.headers,
                body=rejected.body,
                reason=rejected.reason,
                rule=rejected.rule,
                state="open",
                times=1,
            )
        else:
            kept = replace(
                known,
                times=known.times + 1,
                reason=rejected.reason,
                rule=rejected.rule,
                state="open" if known.state == "retried" else known.state,
            )
        self._letters[rejected.digest] = kept
        return kept

    async def page(
        self, *, after: UUID | None = None, state: State | None = None, limit: int = PAGE_MAX
    ) -> Sequence[DeadLetter]:
        letters = sorted(self._letters.values(), key=lambda letter: letter.id)
        found = [
            letter
            for letter in letters
            if (after is None or letter.id > after) and (state is None or letter.state == state)
        ]
        return found[: max(1, min(limit, PAGE_MAX))]

    async def find(self, letter: UUID) -> DeadLetter | None:
        return next((each for each in self._letters.values() if each.id == letter), None)

    async def settle(self, letter: UUID, state: State, note: str) -> DeadLetter | None:
        for digest, each in self._letters.items():
            if each.id == letter:
                self._letters[digest] = replace(each, state=state, note=note)
                return self._letters[digest]
        return None

    async def open_count(self) -> int:
        return sum(letter.state == "open" for letter in self._letters.values())


class Unopposed:
    """``Election`` where there is only one process."""

    async def won(self) -> None:
        pass

    async def lost(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def resign(self) -> None:
        pass

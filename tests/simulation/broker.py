"""The broker in the simulation: the in-memory twin, whose streams can be deleted.

What is deleted is missing until a service that owns it makes it again, as on a real server.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from msgspec.structs import replace

from shared.bus.memory import MemoryBroker
from shared.bus.port import MESSAGE_ID, Delivery, Message
from shared.bus.provision import intake_name, receiver_name
from shared.events import subjects
from shared.events.intake import Service
from tests.simulation.loop import Process

SERVICES: Final[tuple[Service, ...]] = ("ops", "eng")
ACK_WAIT_S: Final = 4.0
"""Shorter than in production, so that a world is over sooner."""

Answer = Callable[[bytes], Awaitable[bytes]]
Heard = Callable[[bytes], Awaitable[None]]


class Listener(NamedTuple):
    process: Process
    heard: Heard


class Answerer(NamedTuple):
    process: Process
    answer: Answer


class SimBroker(MemoryBroker):
    """The server; ``noted`` is told of each message that it stores."""

    def __init__(self, noted: Callable[[str, Message], None]) -> None:
        super().__init__(
            [receiver_name(service) for service in SERVICES],
            ACK_WAIT_S,
            {intake_name(service): subjects.intake_of(service) for service in SERVICES},
        )
        self.is_up = True
        self.missing = set(subjects.STREAM_SUBJECTS)
        self.wiped: Counter[str] = Counter()
        """How often each stream was deleted with all that was in it."""
        self.who_listens: defaultdict[str, list[Listener]] = defaultdict(list)
        self.who_answers: defaultdict[str, list[Answerer]] = defaultdict(list)
        self._noted = noted

    def store(self, stream: str, message: Message) -> bool:
        duplicate = super().store(stream, message)
        if not duplicate:
            self._noted(stream, message)
        return duplicate

    def ensure(self, stream: str) -> None:
        """Makes a stream if it is missing."""
        if stream in self.missing:
            self.missing.discard(stream)
            self.make(stream)

    def delete(self, stream: str) -> None:
        """With all that is in it, its consumers and its memory of ids."""
        self.missing.add(stream)
        self.wiped[stream] += 1
        self.make(stream)

    def again(self, stream: str, message: Message) -> None:
        """Stores a message a second time, past the duplicate window."""
        headers = {name: text for name, text in message.headers.items() if name != MESSAGE_ID}
        self.store(stream, replace(message, headers=headers))

    def last_number(self, stream: str) -> int:
        """The number of the last message that the stream took."""
        return self._numbers[stream]

    def corrupt_last(self, stream: str) -> None:
        """A block on disk goes bad: the last message is not what it was."""
        if self.streams[stream]:
            stored = self.streams[stream][-1]
            stored.message = replace(stored.message, body=stored.message.body[:-7])

    def forget(self, process: Process) -> None:
        """Its connection is gone."""
        for listeners in self.who_listens.values():
            listeners[:] = [each for each in listeners if each.process is not process]
        for answerers in self.who_answers.values():
            answerers[:] = [each for each in answerers if each.process is not process]

    def unsettled(self, service: Service) -> int:
        """Intake messages of that service that were not acknowledged, or not delivered."""
        durable = self._durables.get((subjects.INTAKE, intake_name(service)))
        begins = subjects.intake_of(service)[:-1]
        return sum(
            stored.message.subject.startswith(begins)
            and (
                durable is None or stored.number >= durable.next or stored.number in durable.pending
            )
            for stored in self.streams[subjects.INTAKE]
        )

    def is_current(self, stream: str, delivery: Delivery) -> bool:
        """Whether it is of the stream as it is now, and not of one that was deleted."""
        return delivery.identity.endswith(f".{self._made[stream]}")

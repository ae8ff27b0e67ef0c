"""The bus as our code needs it. JetStream and memory implement it alike.

Nothing that comes out of here is proof of anything: what was published may be lost, what arrives
may be doubled, out of order or forged. Relay and receiver make it good from the logs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from msgspec import Struct

MESSAGES_MAX: Final = 1_000
"""The most messages in one ``publish``."""
CONTENT_TYPE: Final = "Content-Type"
MESSAGE_ID: Final = "Nats-Msg-Id"
"""Opaque id for the broker's own duplicate window."""


class Message(Struct, frozen=True):
    """What is published."""

    subject: str
    body: bytes
    headers: Mapping[str, str] = {}


class Delivery(Struct, frozen=True):
    """What a consumer is given. ``headers`` are as they came, garbage included.

    ``identity`` tells this message from all others of its stream, also of a stream of that name
    made anew; it is the same each time the message is delivered. ``handle`` is the adapter's.
    """

    subject: str
    body: bytes
    headers: Mapping[str, str]
    identity: str
    handle: str


class BusError(Exception):
    """Base of what a bus raises."""


class BusUnavailable(BusError):
    """The broker, or whoever should have answered, did not in time.

    What was to be published may be there, in part or whole, now or later.
    """


class StreamMissing(BusUnavailable):
    """No stream takes such messages now. Nothing was stored."""


class BusRefused(BusError):
    """The broker, or whoever was asked, answered with a refusal. Asking again gives the same."""


class Consumer(Protocol):
    """A durable place in a stream: what is not acknowledged comes again, in any order."""

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """At least one delivery and at most ``limit``; none if none comes in ``timeout`` s."""

    async def ack(self, delivery: Delivery) -> None:
        """It need not come again; nor, for a consumer that says so, need all before it."""

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None:
        """They are still being worked on: do not deliver them again yet."""


Answer = Callable[[bytes], Awaitable[bytes]]
"""Answers a request. Raises BusRefused or BusUnavailable, which who asked gets."""


class Bus(Protocol):
    """Everything is at most once but ``publish``, which is at least once if it is repeated."""

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        """Hands messages over, in order; returns once the broker says it holds every one of them.

        Answers how many of them it took for duplicates, which is no proof that it holds those.
        Raises BusUnavailable, StreamMissing, BusRefused; ValueError for more than ``MESSAGES_MAX``.
        """

    async def last(self, stream: str) -> bytes | None:
        """The body of the last message of a stream; None if it is empty or missing.

        Raises BusUnavailable.
        """

    def consume(self, stream: str, consumer: str) -> AbstractAsyncContextManager[Consumer]:
        """Delivers what the durable consumer of that name has not acknowledged.

        Survives that the broker, the stream or the consumer goes away and comes back.
        """

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        """Somebody's answer. Raises BusUnavailable for none, BusRefused for a refusal."""

    def serve(self, subject: str, answer: Answer) -> AbstractAsyncContextManager[None]:
        """Answers requests until it is left. Raises BusUnavailable if it cannot begin."""

    async def announce(self, subject: str, body: bytes) -> None:
        """Tells whoever listens now. Raises BusUnavailable."""

    def listen(
        self, subject: str, heard: Callable[[bytes], Awaitable[None]]
    ) -> AbstractAsyncContextManager[None]:
        """Calls back with each announcement."""

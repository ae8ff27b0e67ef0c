"""Consuming a durable JetStream consumer by callback.

The next request goes out while the last is still coming, so no message waits for a request.
Requests die silently: with the connection, the consumer, the stream, the server. So each asks for a
heartbeat, and when nothing is heard for a while, or the server says that there is no such consumer,
what is declared is made again and asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.bus.port import BusUnavailable, Delivery

REQUEST_MESSAGES: Final = 500
"""Messages asked for at a time; the next request goes out when half of them have come."""
BUFFERED_MAX: Final = 1_000
"""Messages that may wait here; past that nothing more is asked for."""
REQUEST_S: Final = 10.0
HEARTBEAT_S: Final = 0.5
SILENCE_S: Final = 2.0
"""Seconds without a sign of life after which a request counts as lost."""
PAUSE_S: Final = (0.05, 2.0)
"""Seconds between two tries while there is no consumer: at first, and at most."""

_ACK: Final = b"+ACK"
_IN_PROGRESS: Final = b"+WPI"
_STATUS: Final = "Status"
_PENDING: Final = "Nats-Pending-Messages"
_HEARTBEAT: Final = "100"
_TIMEOUT: Final = "408"
_GONE: Final = frozenset({"404", "409", "503"})

_logger = logging.getLogger(__name__)


class PullConsumer:
    """One subscription to one durable consumer; ``Consumer`` of the port.

    Args:
        connection: gives the connection to use now. Raises BusUnavailable.
        stream: the stream's name.
        durable: the consumer's name.
        restore: makes stream and consumer again if they are not there. Raises BusUnavailable.
    """

    def __init__(
        self,
        connection: Callable[[], Client],
        stream: str,
        durable: str,
        restore: Callable[[], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._restore = restore
        self._request = msgspec.json.encode(
            {
                "batch": REQUEST_MESSAGES,
                "expires": int(REQUEST_S * 1e9),
                "idle_heartbeat": int(HEARTBEAT_S * 1e9),
            }
        )
        self._buffer: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._outstanding = 0
        self._gone = True
        self._again_at = 0.0
        self._pause = PAUSE_S[0]
        self._heard_at = 0.0
        self._subscription: Subscription | None = None

    async def close(self) -> None:
        """Asks for nothing more. What was not acknowledged is delivered to another."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except (nats.errors.Error, OSError):
                _logger.debug("unsubscribing", exc_info=True)

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """As ``Consumer.next``; the waits while the consumer is missing count as well."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not self._buffer:
            self._arrived.clear()
            try:
                await self._keep_asking()
            except (BusUnavailable, nats.errors.Error, OSError) as error:
                _logger.debug("no consumer yet: %r", error)
                self._gone = True
            left = deadline - loop.time()
            if left <= 0 and not self._buffer:
                return ()
            wait = min(left, max(0.0, self._again_at - loop.time())) if self._gone else left
            try:
                async with asyncio.timeout(wait):
                    await self._arrived.wait()
            except TimeoutError:
                continue
        taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        if self._outstanding <= REQUEST_MESSAGES // 2:
            await self._ask_if_there_is_room()
        return taken

    async def ack(self, delivery: Delivery) -> None:
        """As ``Consumer.ack``."""
        await self._answer([delivery], _ACK)

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None:
        """As ``Consumer.in_progress``."""
        await self._answer(deliveries, _IN_PROGRESS)

    def renew(self) -> None:
        """The connection was lost and is back: what was asked for is forgotten."""
        self._gone = True
        self._again_at = 0.0
        self._pause = PAUSE_S[0]
        self._arrived.set()

    async def _answer(self, deliveries: Sequence[Delivery], answer: bytes) -> None:
        try:
            connection = self._connection()
            for delivery in deliveries:
                await connection.publish(delivery.handle, answer)
        except (BusUnavailable, nats.errors.Error, OSError) as error:
            _logger.debug("an acknowledgement is lost, the message will come again: %r", error)

    async def _keep_asking(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._gone:
            if now < self._again_at:
                return
            self._again_at = now + self._pause
            self._pause = min(self._pause * 2, PAUSE_S[1])
            await self._restore()
            self._outstanding = 0
            self._gone = False
        elif self._outstanding and now - self._heard_at > SILENCE_S:
            self._outstanding = 0
        await self._ask_if_there_is_room()

    async def _ask_if_there_is_room(self) -> None:
        if self._outstanding > REQUEST_MESSAGES // 2 or len(self._buffer) >= BUFFERED_MAX:
            return
        connection = self._connection()
        if self._subscription is None:
            inbox = connection.new_inbox()
            self._subscription = await connection.subscribe(inbox, cb=self._take)
        self._heard_at = asyncio.get_running_loop().time()
        self._outstanding += REQUEST_MESSAGES
        await connection.publish(self._subject, self._request, self._subscription.subject)

    async def _take(self, message: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        headers = message.headers or {}
        if not message.reply.startswith("$JS.ACK."):
            self._status(headers)
            return
        self._pause = PAUSE_S[0]
        self._outstanding = max(0, self._outstanding - 1)
        handle = message.reply
        self._buffer.append(
            Delivery(message.subject, message.data, headers, _identity(handle), handle)
        )
        self._arrived.set()
        if self._outstanding <= REQUEST_MESSAGES // 2:
            await self._ask_if_there_is_room()

    def _status(self, headers: dict[str, str]) -> None:
        status = headers.get(_STATUS)
        if status == _HEARTBEAT:
            return
        if status == _TIMEOUT:
            pending = headers.get(_PENDING, "")
            returned = int(pending) if pending.isdecimal() else REQUEST_MESSAGES
            self._outstanding = max(0, self._outstanding - returned)
        elif status in _GONE:
            # Deleted, not there, its leader changed, or too many requests: look, and ask again.
            self._outstanding = 0
            self._gone = True
        self._arrived.set()


def _identity(reply: str) -> str:
    """Number in the stream, and when it was stored there: a stream made anew starts at 1 again.

    ``$JS.ACK.<stream>.<consumer>.<deliveries>.<number>.<…>.<time>.<pending>``, or with the domain
    and a hash of the account before the stream (and a token behind).
    """
    parts = reply.split(".")
    if len(parts) == 9:
        return f"{parts[5]}.{parts[7]}"
    return f"{parts[7]}.{parts[9]}"

"""FastStream owns the connection: when it begins and ends, requests and answers, who listens.

What FastStream would do by itself and must not is switched off here: it decodes loosely, so bodies
stay bytes; it terminates what a handler fails on, so acknowledging is by hand; it gives up after 60
reconnections, after which the client's tasks spin, so it never gives up, and a connection that is
closed for good ends the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import nats.errors
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import NatsBroker
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.security import BaseSecurity
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from shared.bus.garbage import keep_reading
from shared.bus.port import BusRefused, BusUnavailable
from shared.events.intake import Service

RECONNECT_S: Final = 1
PING_S: Final = 10
CONNECT_S: Final = 2
PENDING_BYTES_MAX: Final = 8 * 1024 * 1024
"""What the client holds for a server that takes nothing; then publishing fails."""
STOP_S: Final = 10.0

_logger = logging.getLogger(__name__)


async def _as_bytes(message: StreamMessage[Msg]) -> bytes:
    return message.body


class Broker:
    """One service's connection to NATS.

    Args:
        url: the server, or several of a cluster, separated by commas.
        service: names the connection and its private inboxes.
        on_closed: called when the connection is closed for good; must end the process.
        registry: where FastStream's metrics go. Its labels are the subjects of what goes through
            FastStream: heads and requests, a handful. Events never do.
        security: FastStream's credentials.
    """

    def __init__(
        self,
        url: str,
        *,
        service: Service,
        on_closed: Callable[[], None],
        registry: CollectorRegistry | None = None,
        security: BaseSecurity | None = None,
    ) -> None:
        middlewares = () if registry is None else (NatsPrometheusMiddleware(registry=registry),)
        self.nats = NatsBroker(
            url.split(","),
            name=f"caselog-{service}",
            inbox_prefix=f"_INBOX_{service}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_S,
            connect_timeout=CONNECT_S,
            ping_interval=PING_S,
            pending_size=PENDING_BYTES_MAX,
            graceful_timeout=STOP_S,
            ack_policy=AckPolicy.MANUAL,
            decoder=_as_bytes,
            apply_types=False,
            middlewares=middlewares,
            security=security,
            logger=None,
            error_cb=self._failed,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._reconnected,
            closed_cb=self._closed,
        )
        self._on_closed = on_closed
        self._client: Client | None = None
        self._stopping = False
        self._renewals: list[Callable[[], None]] = []
        self._losses: list[Callable[[], None]] = []
        self.reconnects = 0
        self.last_error: str | None = None

    async def start(self) -> None:
        """Connects, however long it takes. Raises ``nats.errors.Error`` where trying is vain."""
        self._client = await self.nats.connect()
        keep_reading(self._client)
        await self.nats.start()
        _logger.info("connected to NATS")

    async def stop(self) -> None:
        """Finishes what is under way and closes, within ``STOP_S``."""
        self._stopping = True
        try:
            async with asyncio.timeout(STOP_S):
                await self.nats.stop()
        except (TimeoutError, nats.errors.Error, OSError) as error:
            _logger.info("closing without drain: %r", error)
            if self._client is not None:
                with suppress(nats.errors.Error, OSError):
                    await self._client.close()

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    def connection(self) -> Client:
        """The connection, if there is one now. Raises BusUnavailable.

        Without one the client would keep what is published and send it when nobody waits any more.
        """
        if self._client is None or not self._client.is_connected:
            raise BusUnavailable("not connected to NATS")
        return self._client

    @contextmanager
    def on_reconnect(self, renew: Callable[[], None]) -> Iterator[None]:
        """Calls ``renew`` whenever the connection was lost and is back."""
        self._renewals.append(renew)
        try:
            yield
        finally:
            self._renewals.remove(renew)

    def on_disconnect(self, lost: Callable[[], None]) -> None:
        """Calls ``lost`` whenever the connection is lost."""
        self._losses.append(lost)

    async def request(self, subject: str, body: bytes, timeout: float) -> StreamMessage[Msg]:
        """Somebody's answer. Raises BusUnavailable, BusRefused."""
        self.connection()
        try:
            return await self.nats.request(body, subject, timeout=timeout)
        except nats.errors.MaxPayloadError:
            raise BusRefused("a request is larger than the server takes") from None
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(f"{subject}: {error!r}") from error

    @asynccontextmanager
    async def listen(
        self, subject: str, heard: Callable[[bytes], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Calls back with each message, one at a time. Raises BusUnavailable."""
        self.connection()

        async def handle(body: bytes) -> None:
            try:
                await heard(body)
            except Exception:
                _logger.exception("a listener failed", extra={"subject": subject})

        subscriber = self.nats.subscriber(subject, persistent=False)
        subscriber(handle)
        await subscriber.start()
        try:
            yield
        finally:
            try:
                await subscriber.stop()
            except (nats.errors.Error, OSError):
                _logger.debug("unsubscribing", exc_info=True)

    async def _failed(self, error: Exception) -> None:
        known = self.last_error == repr(error)
        self.last_error = repr(error)
        _logger.log(logging.DEBUG if known else logging.WARNING, "NATS: %r", error)

    async def _disconnected(self) -> None:
        if not self._stopping:
            _logger.warning("disconnected from NATS")
        for lost in self._losses:
            lost()

    async def _reconnected(self) -> None:
        self.reconnects += 1
        self.last_error = None
        _logger.info("reconnected to NATS")
        for renew in self._renewals:
            renew()

    async def _closed(self) -> None:
        if not self._stopping:
            _logger.critical("the connection to NATS is closed for good: %s", self.last_error)
            self._on_closed()

"""The bus on a NATS server with JetStream, over the connection that FastStream owns."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import msgspec
import nats.errors
from faststream.security import BaseSecurity
from prometheus_client import CollectorRegistry

from shared.bus.broker import Broker
from shared.bus.consuming import PullConsumer
from shared.bus.log_reader import LogReader
from shared.bus.micro import micro_service
from shared.bus.port import Answer, Bus, BusRefused, BusUnavailable, Message, StreamMissing
from shared.bus.provision import ACK_WAIT_S, API, STREAM_BYTES_MAX, Provisioner, ask_api
from shared.bus.publishing import Publisher
from shared.eventlog.log import EventLog
from shared.events import subjects
from shared.events.intake import Service

ERROR_HEADER: Final = "Nats-Service-Error"
ERROR_CODE_HEADER: Final = "Nats-Service-Error-Code"
_NOT_FOUND: Final = 404

_logger = logging.getLogger(__name__)


class _Stored(msgspec.Struct):
    data: str = ""


class _LastMessage(msgspec.Struct):
    message: _Stored


class JetStreamBus:
    """``Bus`` of the port. Uses the connection of ``broker`` and what ``provisioner`` declares."""

    def __init__(
        self, broker: Broker, provisioner: Provisioner, publisher: Publisher | None = None
    ) -> None:
        self._broker = broker
        self._provisioner = provisioner
        self._publisher = publisher or Publisher(broker.connection)
        broker.on_disconnect(self._publisher.lost)

    @property
    def fallbacks(self) -> int:
        """Atomic batches that were refused and sent as single messages instead."""
        return self._publisher.fallbacks

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        try:
            return await self._publisher.publish(stream, messages)
        except StreamMissing:
            await self._provisioner.restore_stream(stream)
            raise

    async def last(self, stream: str) -> bytes | None:
        request = {"last_by_subj": subjects.STREAM_SUBJECTS[stream]}
        answer = await ask_api(self._broker.connection(), f"{API}.STREAM.MSG.GET.{stream}", request)
        if answer.error is not None:
            if answer.error.code == _NOT_FOUND:
                return None
            raise BusUnavailable(f"{stream}: {answer.error.description}")
        found = msgspec.json.decode(answer.body, type=_LastMessage)
        return base64.b64decode(found.message.data)

    @asynccontextmanager
    async def consume(self, stream: str, consumer: str) -> AsyncIterator[PullConsumer]:
        async def restore() -> None:
            await self._provisioner.restore(stream, consumer)

        pull = PullConsumer(self._broker.connection, stream, consumer, restore)
        with self._broker.on_reconnect(pull.renew):
            try:
                yield pull
            finally:
                await asyncio.shield(pull.close())

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        answer = await self._broker.request(subject, body, timeout)
        if answer.headers.get(ERROR_CODE_HEADER):
            code, text = (answer.headers.get(h, "") for h in (ERROR_CODE_HEADER, ERROR_HEADER))
            if code.startswith("5"):
                raise BusUnavailable(f"{subject}: {code} {text}")
            raise BusRefused(f"{subject}: {code} {text}")
        return answer.body

    def serve(self, subject: str, answer: Answer) -> AbstractAsyncContextManager[None]:
        return micro_service(self._broker.connection, subject, answer)

    async def announce(self, subject: str, body: bytes) -> None:
        try:
            await self._broker.nats.publish(body, subject)
        except (nats.errors.Error, OSError) as error:
            raise BusUnavailable(repr(error)) from error

    def listen(
        self, subject: str, heard: Callable[[bytes], Awaitable[None]]
    ) -> AbstractAsyncContextManager[None]:
        return self._broker.listen(subject, heard)


class NatsTransport:
    """``Transport`` of the exchange on a NATS server."""

    def __init__(self, broker: Broker, provisioner: Provisioner, reader: LogReader) -> None:
        self.broker = broker
        self.provisioner = provisioner
        self._reader = reader
        self._bus = JetStreamBus(broker, provisioner)

    @property
    def bus(self) -> Bus:
        return self._bus

    @property
    def is_connected(self) -> bool:
        return self.broker.is_connected

    @property
    def trouble(self) -> str | None:
        if not self.is_connected:
            return f"not connected: {self.broker.last_error}"
        drift = [f"{name} is not as declared" for name in self.provisioner.drift]
        return "; ".join(drift) or self.provisioner.last_error

    async def start(self) -> None:
        await self.broker.start()
        try:
            await self.provisioner.ensure()
        except BusUnavailable as error:
            _logger.info("not everything is there yet: %s", error)
        await self._reader.start()

    async def maintain(self) -> None:
        await self.provisioner.run()

    async def stop(self) -> None:
        await self._reader.stop()
        await self.broker.stop()


def nats_transport(
    url: str,
    *,
    service: Service,
    other: Service,
    log: EventLog,
    on_closed: Callable[[], None],
    registry: CollectorRegistry | None = None,
    security: BaseSecurity | None = None,
    replicas: int = 1,
    max_bytes: int = STREAM_BYTES_MAX,
    ack_wait: float = ACK_WAIT_S,
) -> NatsTransport:
    """What an ``Exchange`` of ``service`` needs; see ``Broker`` and ``Provisioner``."""
    broker = Broker(url, service=service, on_closed=on_closed, registry=registry, security=security)
    provisioner = Provisioner(
        broker.connection,
        service=service,
        other=other,
        replicas=replicas,
        max_bytes=max_bytes,
        ack_wait=ack_wait,
    )
    return NatsTransport(broker, provisioner, LogReader(broker.connection, service, log))

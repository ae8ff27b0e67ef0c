"""Serves reads of the log over the bus, as a NATS micro service (``$SRV.INFO`` shows it).

It answers from the log itself, so it needs no stream: this is what heals every reader.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
import nats.errors
import nats.micro
from nats.aio.client import Client
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from shared.bus.heads import announcement
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable, Row
from shared.events import subjects
from shared.events.intake import Service as ServiceName
from shared.events.reading import READ_ENTRIES_MAX, ReadReply, ReadRequest

ANSWER_BYTES_MAX: Final = 900_000
"""Smaller than the largest message of a server with default settings, with room for the rest."""
READ_ROWS: Final = 200
"""Rows read from the log at a time."""
STOP_S: Final = 1.0
"""How long the server may take to end its subscriptions; it may be away."""
VERSION: Final = "1.0.0"
"""Of the protocol."""

_request_decoder: Final = msgspec.json.Decoder(ReadRequest)
_encoder: Final = msgspec.json.Encoder()
_logger = logging.getLogger(__name__)


class Unanswerable(Exception):
    """The request is refused; ``code`` is as in HTTP."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


async def answer(log: EventLog, request: bytes) -> bytes:
    """One page. Raises Unanswerable."""
    try:
        wanted = _request_decoder.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unanswerable(400, f"not a request that can be read: {error}") from None
    limit = min(wanted.limit, READ_ENTRIES_MAX)
    try:
        head = await log.store.head()
        entries = await _page(log, wanted, limit)
    except LogUnavailable as error:
        raise Unanswerable(503, f"the log cannot be read now: {error}") from error
    return _encoder.encode(ReadReply(entries=entries, head=announcement(head)))


async def _page(log: EventLog, wanted: ReadRequest, limit: int) -> tuple[str, ...]:
    """As many entries as fit, and always one if there is one."""
    entries: list[str] = []
    size = 0
    async for row in _rows(log, wanted):
        text = row.entry.decode()
        size += len(_encoder.encode(text)) + 1
        if entries and size > ANSWER_BYTES_MAX:
            break
        entries.append(text)
        if len(entries) == limit:
            break
    return tuple(entries)


async def _rows(log: EventLog, wanted: ReadRequest) -> AsyncIterator[Row]:
    """What was asked for, read piece by piece: a row may have 256 KiB."""
    after = wanted.after_position or wanted.after_sequence or 0
    if wanted.case is not None:
        for row in await log.store.read_streams([wanted.case]):
            if row.position > after:
                yield row
        return
    while True:
        if wanted.after_sequence is None:
            rows = await log.store.read(after, READ_ROWS)
        else:
            rows = await log.store.read_published(after, READ_ROWS)
        for row in rows:
            yield row
        if len(rows) < READ_ROWS:
            return
        last = rows[-1]
        after = last.position if wanted.after_sequence is None else last.sequence or 0


class LogReader:
    """The micro service ``log-<service>`` with its one endpoint, ``log.<service>.read``."""

    def __init__(
        self, connection: Callable[[], Client], service: ServiceName, log: EventLog
    ) -> None:
        self._connection = connection
        self._service = service
        self._log = log
        self._serving: Service | None = None

    async def start(self) -> None:
        """Raises BusUnavailable; the client renews the subscriptions when it reconnects."""
        config = ServiceConfig(
            name=f"log-{self._service}",
            version=VERSION,
            description=f"Reads the log of {self._service}: published events, or all entries.",
        )
        self._serving = await nats.micro.add_service(self._connection(), config)
        await self._serving.add_endpoint(
            EndpointConfig(
                name="read", subject=subjects.log_read(self._service), handler=self._handle
            )
        )

    async def stop(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            try:
                async with asyncio.timeout(STOP_S):
                    await serving.stop()
            except (TimeoutError, nats.errors.Error, OSError):
                _logger.debug("stopping the log reader", exc_info=True)

    async def _handle(self, request: Request) -> None:
        try:
            reply = await answer(self._log, request.data)
        except Unanswerable as refusal:
            # Header values are one line.
            text = " ".join(str(refusal).split())
            body = msgspec.json.encode({"error": {"code": refusal.code, "detail": text}})
            await request.respond_error(str(refusal.code), text, body)
        else:
            await request.respond(reply)

"""Reading the other service's log by request: how every hole is healed."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from shared.bus.hello import Hello, HelloReply, decoded, encoded
from shared.bus.port import Bus, BusUnavailable
from shared.events import subjects
from shared.events.intake import Service
from shared.events.reading import HeadAnnouncement, ReadReply, ReadRequest

ANSWER_S: Final = 5.0
HELLO_S: Final = 2.0

_decoder: Final = msgspec.json.Decoder(ReadReply)


class Page(msgspec.Struct, frozen=True):
    """Entries in order, as the bytes they are, and the head of the log they were read from."""

    entries: tuple[bytes, ...]
    head: HeadAnnouncement


class PeerLog(Protocol):
    """The other's log as it is read from here."""

    async def published(self, after_sequence: int, limit: int) -> Page:
        """Published events that follow; none at the end. Raises BusUnavailable, BusRefused."""


class Peer(PeerLog, Protocol):
    """The other side of the exchange."""

    async def entries(self, after_position: int, limit: int) -> Page:
        """All entries of its log that follow. Raises BusUnavailable, BusRefused."""

    async def hello(self, asked: Hello) -> HelloReply:
        """What it has, and knows of us. Raises BusUnavailable, BusRefused."""


class RequestedLog:
    """``Peer`` over the bus."""

    def __init__(self, bus: Bus, service: Service) -> None:
        self._bus = bus
        self._subject = subjects.log_read(service)
        self._hello = subjects.log_hello(service)

    async def published(self, after_sequence: int, limit: int) -> Page:
        return await self._read(ReadRequest(after_sequence=after_sequence, limit=limit))

    async def entries(self, after_position: int, limit: int) -> Page:
        return await self._read(ReadRequest(after_position=after_position, limit=limit))

    async def hello(self, asked: Hello) -> HelloReply:
        return decoded(await self._bus.request(self._hello, encoded(asked), HELLO_S))

    async def _read(self, request: ReadRequest) -> Page:
        answer = await self._bus.request(self._subject, msgspec.json.encode(request), ANSWER_S)
        try:
            reply = _decoder.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BusUnavailable(f"{self._subject}: an answer that cannot be read") from error
        return Page(tuple([text.encode() for text in reply.entries]), reply.head)

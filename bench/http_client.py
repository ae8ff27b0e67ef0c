"""A client that costs little: requests made beforehand, one after the other on each connection.

It runs in a process of its own, so that it and the server share nothing but the machine.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import httptools
import uvloop

HOST: Final = "127.0.0.1"
ANSWER_SECONDS: Final = 30.0


@dataclass(slots=True)
class Answers:
    """What came back: milliseconds for each request, and how many had which status."""

    seconds: float = 0.0
    waited_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


def post(path: str, token: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def hammer(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Answers:
    """Sends these requests in turn, over so many connections at once, for so long."""
    return uvloop.run(_hammer(port, itertools.cycle(requests), connections, seconds))


async def _hammer(
    port: int, requests: Iterator[bytes], connections: int, seconds: float
) -> Answers:
    loop, answers = asyncio.get_running_loop(), Answers()
    started = time.perf_counter()
    open_ones = [_Connection(requests, answers, started + seconds) for _ in range(connections)]
    for connection in open_ones:
        await loop.create_connection(lambda made=connection: made, HOST, port)  # type: ignore[misc]
    async with asyncio.timeout(seconds + ANSWER_SECONDS):
        await asyncio.gather(*(connection.ended for connection in open_ones))
    answers.seconds = time.perf_counter() - started
    return answers


class _Connection(asyncio.Protocol):
    """Sends the next request when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], answers: Answers, deadline: float) -> None:
        self._requests = requests
        self._answers = answers
        self._deadline = deadline
        self._parser = httptools.HttpResponseParser(self)
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed the connection"))

    def on_message_complete(self) -> None:
        now, status = time.perf_counter(), self._parser.get_status_code()
        self._answers.waited_ms.append((now - self._sent) * 1000)
        self._answers.statuses[status] = self._answers.statuses.get(status, 0) + 1
        if now < self._deadline:
            self._send()
        else:
            self.ended.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

"""Two services' logs and exchanges over a real NATS server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import nats
import pytest
from nats.aio.client import Client

from shared.bus.jetstream import NatsTransport, nats_transport
from shared.eventlog.log import EventLog
from shared.events.intake import Service
from tests.kit.servers import NatsServer
from tests.kit.sides import Side

ACK_WAIT_S = 1.0
"""Short, so that tests see what comes again."""


class Begin(Protocol):
    async def __call__(self, service: Service, **options: Any) -> Side: ...


Connect = Callable[[EventLog, Service, Service], NatsTransport]


@pytest.fixture
def closed() -> list[str]:
    """The services whose connection was closed for good."""
    return []


@pytest.fixture
def connect(nats_server: NatsServer, closed: list[str]) -> Connect:
    """Makes a service's transport to the test's server."""

    def connect(log: EventLog, service: Service, other: Service) -> NatsTransport:
        return nats_transport(
            nats_server.url,
            service=service,
            other=other,
            log=log,
            on_closed=lambda: closed.append(service),
            ack_wait=ACK_WAIT_S,
        )

    return connect


async def subscribed(client: Client) -> None:
    """Returns once the server knows what the client subscribed to.

    ``flush`` does not tell: the client's PING overtakes what its flusher has not sent yet.
    """
    await client.request("$JS.API.INFO", b"", timeout=10)


@asynccontextmanager
async def sides(connect: Connect) -> AsyncIterator[Begin]:
    """Starts sides; all are stopped afterwards."""
    sides: list[Side] = []

    async def begin(service: Service, **options: Any) -> Side:
        side = Side(service, options.pop("connect", connect), **options)
        sides.append(side)
        await side.start()
        return side

    try:
        yield begin
    finally:
        for side in reversed(sides):
            await side.stop()


@pytest.fixture
async def begin(connect: Connect) -> AsyncIterator[Begin]:
    """Starts one side; all are stopped afterwards."""
    async with sides(connect) as begin:
        yield begin


@pytest.fixture
async def ops(begin: Begin) -> Side:
    return await begin("ops")


@pytest.fixture
async def eng(begin: Begin) -> Side:
    return await begin("eng")


@pytest.fixture
async def outsider(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection of nobody in particular."""

    async def ignore(_: Exception) -> None:
        """Servers are killed here."""

    client = await nats.connect(
        nats_server.url, error_cb=ignore, max_reconnect_attempts=-1, reconnect_time_wait=0.1
    )
    yield client
    await client.close()

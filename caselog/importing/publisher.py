"""Publishing events into the intake as another system does, and awaiting the receipt of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
import nats
import nats.errors
import typer
from nats.aio.client import Client
from nats.aio.msg import Msg

from caselog.endpoints import Unreachable
from shared.events.intake import Receipt

RECEIPT_SECONDS: Final = 45.0
"""After how long an event is published again; longer than the intake itself may wait."""
TRIES: Final = 4
CONNECT_SECONDS: Final = 5.0
AWAY_SECONDS_MAX: Final = 60.0
"""How long the broker may be away before the import is given up."""
HEADERS: Final = {"Content-Type": "application/cloudevents+json"}


class NoReceipt(Exception):
    """An event was published several times and never got a receipt."""


class Publisher:
    """One system's publications. Not tied to a subject: ids are unique within the system."""

    def __init__(self, client: Client, system: str) -> None:
        self._client = client
        self._system = system
        self._waiting: dict[str, asyncio.Future[Receipt]] = {}
        self._back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._decoder = msgspec.json.Decoder(Receipt)

    async def start(self) -> None:
        await self._client.subscribe(f"receipts.{self._system}.>", cb=self._receive)
        await self._client.flush()

    async def during(self, work: Coroutine[None, None, None]) -> None:
        """Does the work, and gives it up when the broker is away for too long.

        Raises what the work raises, or Unreachable, in an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            await group.create_task(work)
            watching.cancel()

    async def publish(self, service: str, event: Mapping[str, Any]) -> Receipt:
        """Publishes one CloudEvent and returns its receipt; a lost one is asked for again.

        Publishing twice is harmless: source and id make it idempotent. Raises NoReceipt.
        """
        body = msgspec.json.encode(event)
        subject = f"intake.{service}.{self._system}.{event['type'].split('.')[2]}"
        receipt = self._waiting.setdefault(event["id"], asyncio.get_running_loop().create_future())
        in_vain = 0
        try:
            while in_vain < TRIES:
                back = self._back
                with suppress(nats.errors.Error):  # no room for more while the broker is away
                    await self._client.publish(subject, body, headers=HEADERS)
                either: set[asyncio.Future[Any]] = {receipt, back}
                await asyncio.wait(
                    either, timeout=RECEIPT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if receipt.done():
                    return receipt.result()
                in_vain += not back.done()
        finally:
            del self._waiting[event["id"]]
        seconds = f"{RECEIPT_SECONDS * TRIES:.0f} s"
        raise NoReceipt(f"the {service} service gave no receipt for {event['id']} in {seconds}")

    def came_back(self) -> None:
        """Publishes all that waits once more: receipts that came meanwhile were not heard."""
        self._back.set_result(None)
        self._back = asyncio.get_running_loop().create_future()

    async def _watch(self) -> None:
        there = asyncio.get_running_loop().time()
        while (away := asyncio.get_running_loop().time() - there) < AWAY_SECONDS_MAX:
            if self._client.is_connected:
                there += away
            await asyncio.sleep(1)
        raise Unreachable.server("the NATS server", f"away for {away:.0f} s")

    async def _receive(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rsplit(".", 1)[-1])
        if waiting is not None and not waiting.done():
            waiting.set_result(self._decoder.decode(message.data))


@asynccontextmanager
async def publisher(url: str, system: str) -> AsyncIterator[Publisher]:
    """A connected Publisher. Raises Unreachable if there is no NATS server at ``url``."""
    connected = closing = False

    async def failed(error: Exception) -> None:
        """At first that is the end; later, that the connection is lost is said below, once."""
        if not connected:
            raise error

    async def lost() -> None:
        if not closing:
            typer.echo("caselog: the connection to NATS is lost; waiting for it", err=True)

    async def back() -> None:
        typer.echo("caselog: connected to NATS again", err=True)
        started.came_back()

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await nats.connect(
                url,
                max_reconnect_attempts=-1,
                error_cb=failed,
                disconnected_cb=lost,
                reconnected_cb=back,
            )
    except (OSError, nats.errors.Error) as error:  # TimeoutError is an OSError
        raise Unreachable.server(f"the NATS server at {url}", error) from error
    connected = True
    try:
        started = Publisher(client, system)
        await started.start()
        yield started
    finally:
        closing = True
        await client.close()

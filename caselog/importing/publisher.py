"""Publishing events into the intake as another system does, and awaiting the receipt of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from caselog.endpoints import Unreachable
from shared.events.intake import Receipt

RECEIPT_SECONDS: Final = 45.0
"""After how long an event is published again; longer than the intake itself may wait."""
TRIES: Final = 4
CONTENT_TYPE: Final = "application/cloudevents+json"


class NoReceipt(Exception):
    """An event was published several times and never got a receipt."""


class Publisher:
    """One system's publications. Not tied to a subject: ids are unique within the system."""

    def __init__(self, client: Client, system: str) -> None:
        self._client = client
        self._system = system
        self._waiting: dict[str, asyncio.Future[Receipt]] = {}
        self._decoder = msgspec.json.Decoder(Receipt)

    async def start(self) -> None:
        await self._client.subscribe(f"receipts.{self._system}.>", cb=self._receive)
        await self._client.flush()

    async def publish(self, service: str, event: Mapping[str, Any]) -> Receipt:
        """Publishes one CloudEvent and returns its receipt; a lost one is asked for again.

        Publishing twice is harmless: source and id make it idempotent. Raises NoReceipt.
        """
        body = msgspec.json.encode(event)
        subject = f"intake.{service}.{self._system}.{event['type'].split('.')[2]}"
        receipt = self._waiting.setdefault(event["id"], asyncio.get_running_loop().create_future())
        try:
            for _ in range(TRIES):
                await self._client.publish(subject, body, headers={"Content-Type": CONTENT_TYPE})
                try:
                    return await asyncio.wait_for(asyncio.shield(receipt), RECEIPT_SECONDS)
                except TimeoutError:
                    continue
        finally:
            del self._waiting[event["id"]]
        raise NoReceipt(f"{subject} {event['id']}: no receipt after {TRIES} tries")

    async def _receive(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject.rsplit(".", 1)[-1])
        if waiting is not None and not waiting.done():
            waiting.set_result(self._decoder.decode(message.data))


@asynccontextmanager
async def publisher(url: str, system: str) -> AsyncIterator[Publisher]:
    """A connected Publisher. Raises Unreachable if there is no NATS server at ``url``."""
    try:
        client = await nats.connect(
            url, connect_timeout=5, allow_reconnect=True, max_reconnect_attempts=-1
        )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        raise Unreachable(f"the NATS server at {url} cannot be reached: {error}") from error
    try:
        started = Publisher(client, system)
        await started.start()
        yield started
    finally:
        await client.close()

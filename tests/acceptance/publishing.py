"""Another system: it publishes events on the bus or over HTTP, and looks for its receipts."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from tests.acceptance.world import Json, World
from tests.kit.waiting import eventually

STRUCTURED: Final = "application/cloudevents+json"
RECEIPT_SECONDS: Final = 15.0
LETTERS: Final = 10
"""Dead letters read at a time."""


class Publisher:
    """Publishes as a system of its own name."""

    def __init__(self, world: World, bus: Client) -> None:
        self.world = world
        self.bus = bus
        self.jetstream = bus.jetstream()
        self.system = world.unique("sys").lower()
        self.dead_letters = DeadLetters(world)

    def event(self, service: str, kind: str, data: Any, /, **attributes: Any) -> Json:
        """A sound event with an id of its own; an attribute of None is left out."""
        event = {
            "specversion": "1.0",
            "id": self.world.unique("e"),
            "source": f"/{self.system}/tests",
            "type": f"caselog.{service}.{kind}.v1",
            "data": data,
            **attributes,
        }
        return {name: value for name, value in event.items() if value is not None}

    async def publish(
        self, subject: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Any message on the intake, stored by the broker when this returns."""
        sent = dict(headers) if headers is not None else {"Content-Type": STRUCTURED}
        ack = await self.jetstream.publish(subject, body, headers=sent or None)
        assert ack.stream == "INTAKE"

    async def send(self, event: Json, *, binary: bool = False) -> None:
        """An event on its subject."""
        _, service, kind, _ = event["type"].split(".")
        subject = f"intake.{service}.{self.system}.{kind}"
        if binary:
            await self.publish(subject, *binary_message(event))
        else:
            await self.publish(subject, encoded(event))

    async def tell(self, service: str, kind: str, data: Any, /, **attributes: Any) -> Json:
        """Publishes a sound event and gives its receipt."""
        event = self.event(service, kind, data, **attributes)
        await self.send(event)
        return await self.receipt(event["id"])

    async def post(self, event: Json, *, binary: bool = False) -> httpx.Response:
        """The same over HTTP."""
        body, headers = binary_message(event) if binary else (encoded(event), None)
        service = self.world.eng if ".eng." in event["type"] else self.world.ops
        return await service.ask(
            "POST",
            "/events",
            role="system",
            headers=headers or {"Content-Type": STRUCTURED},
            content=body,
        )

    async def receipt(self, event: str, *, count: int = 1) -> Json:
        """The last receipt of an event, once there are so many."""
        subject = f"receipts.{self.system}.{event}"

        async def last() -> Json | None:
            if await self._count(subject) < count:
                return None
            found = await self.jetstream.get_last_msg("RECEIPTS", subject)
            assert found.data is not None
            receipt: Json = json.loads(found.data)
            return receipt

        found = await eventually(last, RECEIPT_SECONDS, describe=f"receipt {count} on {subject}")
        assert found is not None
        return found

    async def no_receipt(self, event: str) -> bool:
        """Whether none has been published so far."""
        return await self._count(f"receipts.{self.system}.{event}") == 0

    async def _count(self, subject: str) -> int:
        info = await self.jetstream.stream_info("RECEIPTS", subjects_filter=subject)
        return (info.state.subjects or {}).get(subject, 0)


class DeadLetters:
    """Looks for dead letters among those that came since it last looked, or among all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cursors: dict[str, str] = {}

    async def find(self, service: str, body: bytes, route: str | None = None) -> Json | None:
        """That with exactly this body, if there is one; that of ``route``, if given.

        A body that others may have sent too is looked for from the first letter on.
        """
        wanted = base64.b64encode(body).decode()
        asked = self._world.ops if service == "ops" else self._world.eng
        cursor = self._cursors.get(service) if body else None
        while True:
            parameters = {"limit": LETTERS, **({"cursor": cursor} if cursor else {})}
            page = await asked.get("/dead-letters", **parameters)
            for letter in page["items"]:
                if letter["body"] == wanted and route in {None, letter["route"]}:
                    found: Json = letter
                    return found
            cursor = page["next_cursor"]
            if cursor is None:
                return None
            self._cursors[service] = cursor


async def stored(bus: Client, stream: str, subject: str) -> list[RawStreamMsg]:
    """Every message that a stream holds on a subject, in order."""
    jetstream = bus.jetstream()
    found: list[RawStreamMsg] = []
    after = 0
    while True:
        try:
            message = await jetstream.get_msg(stream, after + 1, subject=subject, next=True)
        except nats.js.errors.NotFoundError:
            return found
        assert message.seq is not None
        found.append(message)
        after = message.seq


def encoded(event: Json) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def binary_message(event: Json) -> tuple[bytes, dict[str, str]]:
    """Attributes in headers, percent-encoded; the data as the body."""
    headers = {
        f"ce-{name}": quote(str(value), safe="/:+ #")
        for name, value in event.items()
        if name != "data"
    }
    return encoded(event.get("data", {})), {**headers, "Content-Type": "application/json"}

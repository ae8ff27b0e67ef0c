"""The other service as one that has just begun: it holds nothing, and says so when it is asked."""

from __future__ import annotations

from uuid import UUID

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.bus.hello import HelloReply
from shared.events import subjects
from shared.events.intake import Service
from shared.events.reading import HeadAnnouncement


class Newcomer:
    """Answers hellos for ``service``, so that the other one takes commands at once."""

    def __init__(self, url: str, service: Service) -> None:
        self._url = url
        self._subject = subjects.log_hello(service)
        self._client = Client()

    async def start(self) -> None:
        self._client = await nats.connect(self._url)
        await self._client.subscribe(self._subject, cb=_answer)
        await self._client.flush()

    async def stop(self) -> None:
        await self._client.close()


async def _answer(asked: Msg) -> None:
    head = HeadAnnouncement(log=UUID(int=0), epoch=1, position=0, sequence=0)
    await asked.respond(msgspec.json.encode(HelloReply(head=head, epochs=((1, 0),))))

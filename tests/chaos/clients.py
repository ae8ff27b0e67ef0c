"""The clients of a run: people over HTTP, systems over NATS. Each asks one thing after the other.

Some things are asked only once, so that what nobody answered stays unknown. Others are asked again
with the same key until somebody answers, and sometimes once more, to see whether it is the same.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import httpx
import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from caselog.endpoints import Endpoints
from tests.chaos.history import Line, Service
from tests.chaos.recording import Recorder, Wish
from tests.chaos.wishes import SYSTEM, Ground, Request
from tests.kit.waiting import eventually

PEOPLE: Final = 16
SYSTEMS: Final = 6
ANSWER_SECONDS: Final = 2.5
RECEIPT_SECONDS: Final = 3.0
THINK_SECONDS: Final = (0.01, 0.15)
AGAIN_SECONDS: Final = 0.25
TRY_SECONDS: Final = 45.0
"""How long who asks again and again does so, before it is left for the end."""
ASKED_ONCE: Final = 0.3
ASKED_AGAIN: Final = 0.15
SETTLE_SECONDS: Final = 60.0
STRUCTURED: Final = "application/cloudevents+json"

NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Clients:
    """All clients of one run, and what they were told."""

    def __init__(self, endpoints: Endpoints, ground: Ground, seed: int) -> None:
        self._endpoints = endpoints
        self._ground = ground
        self._seed = seed
        self.recorder = Recorder()
        self._stop = asyncio.Event()
        self._open: list[Callable[[], Awaitable[bool]]] = []
        self._receipts: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._wishes: dict[str, Wish] = {}
        self._bus: Client | None = None
        self._http: dict[Service, httpx.AsyncClient] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for service in ("ops", "eng"):
            self._http[service] = httpx.AsyncClient(
                base_url=self._endpoints.url(service), timeout=httpx.Timeout(ANSWER_SECONDS)
            )
        self._bus = await nats.connect(
            self._endpoints.nats,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            connect_timeout=2,
            ping_interval=2,
            error_cb=_as_expected,
        )
        await self._bus.subscribe(f"receipts.{SYSTEM}.>", cb=self._heard)
        await self._bus.flush()
        lives = [self._person(f"person{n}", n) for n in range(PEOPLE)]
        lives += [self._system(f"system{n}", PEOPLE + n) for n in range(SYSTEMS)]
        self._tasks = [asyncio.create_task(life) for life in lives]

    async def stop(self) -> None:
        """Nobody begins anything new."""
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def settle(self) -> None:
        """Now that all is well: whoever may ask again is told at last."""
        for ask in self._open:
            await eventually(ask, SETTLE_SECONDS, every=AGAIN_SECONDS, describe="a last answer")

    async def close(self) -> None:
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._http.values():
            await client.aclose()
        if self._bus is not None:
            await self._bus.close()

    # --- people -------------------------------------------------------------------------------

    async def _person(self, name: str, number: int) -> None:
        dice = random.Random(f"{self._seed} {number}")
        while not self._stop.is_set():
            service, f = self._ground.choose(dice)
            wish = Wish(self.recorder, name, service, f)
            request = self._ground.request((service, f), wish.token, dice)
            if dice.random() < ASKED_ONCE:
                await self._ask(wish, request)
            else:
                wish.key = f"chaos-{self._seed}-{wish.number}"
                await self._until_told(partial(self._settled, wish, request))
                if dice.random() < ASKED_AGAIN:
                    await self._ask(wish, request)
            await self._think(dice.uniform(*THINK_SECONDS))

    async def _settled(self, wish: Wish, request: Request) -> bool:
        """Whether it was answered for good now."""
        line = await self._ask(wish, request)
        return line.type != "unknown" and not line.passes

    async def _ask(self, wish: Wish, request: Request) -> Line:
        headers = {"Authorization": f"Bearer {self._endpoints.tokens[request.role]}"}
        if wish.key is not None:
            headers["Idempotency-Key"] = wish.key
        wish.asked()
        try:
            answer = await self._http[request.service].post(
                request.path, json=request.body, headers=headers
            )
        except NOT_SENT as error:
            return wish.never_left(error)
        except httpx.TransportError as error:
            return wish.lost(error)
        return wish.told(answer)

    # --- systems ------------------------------------------------------------------------------

    async def _system(self, name: str, number: int) -> None:
        dice = random.Random(f"{self._seed} {number}")
        while not self._stop.is_set():
            wish = Wish(self.recorder, name, "ops", "intake")
            published = self._ground.event(wish.token, dice)
            wish.f = published.f
            wish.key = f"e{self._seed}-{wish.number}"
            event = {
                "specversion": "1.0",
                "id": wish.key,
                "source": f"/{SYSTEM}/tests",
                "type": f"caselog.ops.{published.kind}.v1",
                "data": published.data,
                **({"subject": published.subject} if published.subject else {}),
            }
            subject = f"intake.ops.{SYSTEM}.{published.kind}"
            body = json.dumps(event).encode()
            self._wishes[wish.key] = wish
            if dice.random() < ASKED_ONCE:
                await self._publish(wish, subject, body)
            else:
                await self._until_told(partial(self._publish, wish, subject, body))
                if dice.random() < ASKED_AGAIN:
                    await self._publish(wish, subject, body)
            await self._think(dice.uniform(*THINK_SECONDS))

    async def _publish(self, wish: Wish, subject: str, body: bytes) -> bool:
        """Whether there was a receipt. What is asked is a receipt, not the broker's promise."""
        assert self._bus is not None
        assert wish.key is not None
        told = asyncio.get_running_loop().create_future()
        self._receipts[wish.key] = told
        wish.asked()
        try:
            async with asyncio.timeout(RECEIPT_SECONDS):
                await self._bus.jetstream().publish(
                    subject, body, headers={"Content-Type": STRUCTURED}, timeout=RECEIPT_SECONDS
                )
                await told
        except (TimeoutError, OSError, nats.errors.Error, nats.js.errors.Error) as error:
            wish.lost(error)
            return False
        finally:
            self._receipts.pop(wish.key, None)
        return True

    async def _heard(self, message: Msg) -> None:
        """Receipts come once, twice, and late; the last one counts like the first."""
        event = message.subject.rpartition(".")[2]
        wish = self._wishes.get(event)
        if wish is None:
            return
        wish.receipt(json.loads(message.data))
        told = self._receipts.get(event)
        if told is not None and not told.done():
            told.set_result({})

    # --- waiting ------------------------------------------------------------------------------

    async def _until_told(self, ask: Callable[[], Awaitable[bool]]) -> None:
        """Asks until it is told, for a while; then that is left for the end."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TRY_SECONDS
        while not await ask():
            if self._stop.is_set() or loop.time() > deadline:
                self._open.append(ask)
                return
            await self._think(AGAIN_SECONDS)

    async def _think(self, seconds: float) -> None:
        """Waits so long, or until the run is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


async def _as_expected(error: Exception) -> None:
    """The client tells of each broken connection; they break here."""

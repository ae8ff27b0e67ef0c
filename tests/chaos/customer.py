"""One client of a product in a particular trouble: it goes on asking, and remembers the answers."""

from __future__ import annotations

import json
import random
from types import TracebackType
from typing import Final, Self

import httpx
import nats
import nats.errors
import nats.js.errors

from caselog.endpoints import Endpoints, Service
from tests.chaos.clients import STRUCTURED
from tests.chaos.history import Line
from tests.chaos.product import Product
from tests.chaos.recording import Recorder, Wish, body_of
from tests.chaos.run import prove, read_log
from tests.chaos.wishes import SEVERITY, SYSTEM
from tests.kit.command import caselog
from tests.kit.waiting import eventually

ANSWER_SECONDS: Final = 20.0
"""Longer than a service tries, so that it says itself what became of it."""
LARGE_CHARACTERS: Final = 100_000
PROMISE_SECONDS: Final = 3.0


BACK_SECONDS: Final = 60.0
"""How long anything may take to come back once its cause is gone."""


async def comes_back(product: Product, customer: Customer) -> None:
    """By itself, and nobody was told a lie. Raises AssertionError if not."""
    await eventually(customer.is_served, BACK_SECONDS, every=0.2)
    await eventually(product.is_at_rest, BACK_SECONDS, every=0.1)
    await eventually(customer.was_told_the_truth, BACK_SECONDS, every=0.2)
    verified = await caselog("verify", "pair", data=product.data)
    assert verified.code == 0, verified.out + verified.err
    assert await product.stop() == 0


class Customer:
    """Comments on one issue of its own, as Tier 2; and on one of a team's, as an engineer."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._recorder = Recorder()
        self._dice = random.Random(1)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_SECONDS))
        self._paths: dict[Service, str] = {}
        self.promised: list[str] = []
        """What the broker promised to keep, by token."""

    async def __aenter__(self) -> Self:
        await self._ask("eng", "PUT", "/teams/T", "manager", {"name": "T"})
        ours = {"team": "T", "summary": "Ours", "severity": SEVERITY}
        made = await self._ask("eng", "POST", "/issues", "engineer", ours)
        theirs = {"summary": "Theirs", "severity": SEVERITY}
        opened = await self._ask("ops", "POST", "/issues", "tier2", theirs)
        assert made.is_success, made.text
        assert opened.is_success, opened.text
        self._paths["ops"] = f"/issues/{body_of(opened)['key']}/comment"
        self._paths["eng"] = f"/issues/{body_of(made)['key']}/comment"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def says(self, service: Service = "ops", *, large: bool = False) -> Line:
        """Says something, and gives what it was told."""
        wish = Wish(self._recorder, "customer", service, "comment")
        text = wish.token
        if large:
            text += self._dice.randbytes(LARGE_CHARACTERS // 2).hex()
        role = "tier2" if service == "ops" else "engineer"
        wish.asked()
        body = {"body": text, "visibility": "internal"}
        try:
            answer = await self._ask(service, "POST", self._paths[service], role, body)
        except httpx.TransportError as error:
            return wish.lost(error)
        return wish.told(answer)

    async def publishes(self) -> bool:
        """Whether the broker promises to keep an event for Operations, large as it is."""
        wish = Wish(self._recorder, "customer", "ops", "intake-commented")
        wish.key = f"e{wish.number}"
        text = wish.token + self._dice.randbytes(LARGE_CHARACTERS // 2).hex()
        event = {
            "specversion": "1.0",
            "id": wish.key,
            "source": f"/{SYSTEM}/tests",
            "type": "caselog.ops.commented.v1",
            "subject": self._paths["ops"].split("/")[2],
            "data": {"comment": text},
        }
        wish.asked()
        try:
            client = await nats.connect(self._endpoints.nats, allow_reconnect=False)
        except (OSError, nats.errors.Error) as error:
            wish.lost(error)
            return False
        try:
            await client.jetstream().publish(
                f"intake.ops.{SYSTEM}.commented",
                json.dumps(event).encode(),
                headers={"Content-Type": STRUCTURED},
                timeout=PROMISE_SECONDS,
            )
        except (nats.errors.Error, nats.js.errors.Error) as error:
            wish.lost(error)
            return False
        finally:
            await client.close()
        self.promised.append(wish.token)
        return True

    async def is_refused(self, service: Service = "ops") -> bool:
        """Whether it is told that this cannot be kept now."""
        line = await self.says(service, large=True)
        return line.type == "refused" and line.status == httpx.codes.SERVICE_UNAVAILABLE

    async def is_served(self) -> bool:
        """Whether both services take what it says."""
        lines = [await self.says("ops"), await self.says("eng")]
        return all(line.type == "ok" for line in lines)

    async def was_told_the_truth(self) -> bool:
        """Raises AssertionError with each lie."""
        findings = await prove(self._endpoints, self._recorder.history)
        assert not findings, "\n".join(findings)
        log = await read_log(self._endpoints, "ops")
        lost = [token for token in self.promised if token not in log.by_token]
        assert not lost, f"promised by the broker, and not recorded: {lost}"
        return True

    async def _ask(
        self, service: Service, method: str, path: str, role: str, body: object
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._endpoints.tokens[role]}"}
        url = f"{self._endpoints.url(service)}{path}"
        return await self._client.request(method, url, json=body, headers=headers)

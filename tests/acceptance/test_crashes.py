"""A part ends as a crash ends it, while clients go on; nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.acceptance.world import Case, World
from tests.kit.stack import kill_part
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COMMENTS: Final = 60
TRY_SECONDS: Final = 60.0
UNDER_WAY: Final = 10
"""Comments that have been answered when the part is ended."""


async def comment(case: Case, service: str, path: str, number: int, done: Counter[str]) -> None:
    """A client that says one thing until it is answered for good."""
    asked = case.world.ops if service == "ops" else case.world.eng
    headers = {"Idempotency-Key": f"{path}-{number}"}
    body = {"body": f"{service} {number}", "visibility": "internal"}

    async def settled() -> bool:
        try:
            answer = await asked.ask("POST", path, body, headers=headers)
        except httpx.TransportError:
            return False
        assert answer.status_code == 200 or answer.status_code >= 500, answer.text
        return answer.status_code == 200

    await eventually(settled, TRY_SECONDS, every=0.1)
    done[service] += 1


@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", ["ops", "eng", "nats", "postgres"])
async def test_what_clients_said_is_there_once(world: World, stack_data: Path, part: str) -> None:
    team = await world.team()
    case = await world.case(team)
    issue = await case.claimed_by(team)
    done: Counter[str] = Counter()
    clients = [
        asyncio.create_task(comment(case, service, path, number, done))
        for number in range(COMMENTS)
        for service, path in (
            ("ops", f"/issues/{case.key}/comment"),
            ("eng", f"/issues/{issue}/comment"),
        )
    ]
    await eventually(lambda: done.total() >= UNDER_WAY)

    kill_part(stack_data, part)

    await asyncio.gather(*clients)
    await eventually(lambda: is_ready(world), TRY_SECONDS)
    await world.settled()
    said = {f"{service} {n}" for service in ("ops", "eng") for n in range(COMMENTS)}
    for name in ("ops", "eng"):
        history = await case.history("ops" if name == "ops" else "eng")
        comments = [e["data"]["comment"] for e in history if e["type"] == "commented"]
        assert Counter(comments) == Counter(said), name


async def is_ready(world: World) -> bool:
    for service in world.services:
        try:
            if (await service.client.get("/readyz")).status_code != 200:
                return False
        except httpx.TransportError:
            return False
    return True

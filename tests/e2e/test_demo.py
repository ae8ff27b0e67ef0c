"""``caselog up --demo``: three teams and an issue in every status, complete however it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from caselog.demo import DONE, STORIES, TEAMS, tell
from caselog.endpoints import Endpoints, Service, load
from shared.events.vocabulary import Status
from tests.kit.command import caselog
from tests.kit.stack import RunningUp
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


async def listed(endpoints: Endpoints, service: Service, path: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {endpoints.tokens['auditor']}"}
    async with httpx.AsyncClient(base_url=endpoints.url(service), headers=headers) as client:
        answer = await client.get(path)
    assert answer.is_success, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def positions(endpoints: Endpoints) -> list[int]:
    headers = {"Authorization": f"Bearer {endpoints.tokens['auditor']}"}
    async with httpx.AsyncClient(headers=headers) as client:
        lags = [await client.get(f"{url}/lag") for url in (endpoints.ops, endpoints.eng)]
    return [lag.json()["position"] for lag in lags]


async def is_complete(endpoints: Endpoints) -> bool:
    """Each story has one issue, each status one at least; read models lag by milliseconds."""
    issues = await listed(endpoints, "ops", "/issues")
    assert [issue["summary"] for issue in issues] == [story.opened["summary"] for story in STORIES]
    assert {issue["status"] for issue in issues} == set(get_args(Status))
    assert [team["team"] for team in await listed(endpoints, "eng", "/teams")] == sorted(TEAMS)
    return True


async def test_killed_half_way_it_is_complete_the_next_time_and_nothing_is_doubled(
    directory: Path, free_port: Callable[[], int]
) -> None:
    async def half_told() -> bool:
        return len(await listed(load(directory), "ops", "/issues")) >= len(STORIES) // 2

    first = await RunningUp.start(directory, free_port, "--demo")
    await eventually((directory / "endpoints.json").exists, 60)
    await eventually(half_told, 60)
    await first.kill()
    assert not (directory / DONE).exists()
    second = await RunningUp.start(directory, free_port, "--demo")
    try:
        endpoints = await second.ready()

        await eventually(lambda: is_complete(endpoints))
        verified = await caselog("verify", data=directory)
        assert verified.code == 0, verified.out
        # Told once more, as after a kill in the last moment, nothing is added.
        before = await positions(endpoints)
        (directory / DONE).unlink()
        await tell(endpoints, directory)
        assert await positions(endpoints) == before
    finally:
        await second.stop()

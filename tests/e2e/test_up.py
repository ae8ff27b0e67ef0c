"""``caselog up`` as people run it: started, stopped, killed at any moment, and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import httpx
import nats
import pytest

from caselog.endpoints import Endpoints
from tests.kit.stack import RunningUp, kill_part, part_pid
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

PARTS = ("postgres", "nats", "ops", "eng")
SURVIVING = "from caselog.embedded import process; process.DIES_WITH_OWNER = False"
"""Where no system ends the children of who was killed; Linux would."""


class StartUp(Protocol):
    async def __call__(self, *options: str, before: str = "") -> RunningUp: ...


@pytest.fixture
async def start_up(directory: Path, free_port: Callable[[], int]) -> AsyncIterator[StartUp]:
    """Starts `caselog up` on the test's directory, on other ports each time."""
    started: list[RunningUp] = []

    async def start(*options: str, before: str = "") -> RunningUp:
        started.append(await RunningUp.start(directory, free_port, *options, before=before))
        return started[-1]

    yield start
    for each in started:
        await each.stop()


async def open_issue(endpoints: Endpoints) -> str:
    """Open an issue as Tier 2 and give its key."""
    body = {
        "summary": "The app closes after sign-in",
        "description": "On every phone.",
        "severity": "2 - High",
        "board": "Apps",
        "product": "Mobile",
        "reporter": "Rita",
    }
    answer = await as_tier2(endpoints, "POST", "/issues", json=body)
    return str(answer["key"])


async def as_tier2(endpoints: Endpoints, method: str, path: str, **request: Any) -> Any:
    headers = {"Authorization": f"Bearer {endpoints.tokens['tier2']}"}
    async with httpx.AsyncClient(base_url=endpoints.ops, headers=headers) as client:
        answer = await client.request(method, path, **request)
    assert answer.is_success, answer.text
    return answer.json()


async def are_ready(endpoints: Endpoints, timeout: float = 60) -> bool:
    """Wait until ``/readyz`` of both says so."""
    async with httpx.AsyncClient() as client:

        async def both() -> bool:
            try:
                answers = [
                    await client.get(f"{url}/readyz") for url in (endpoints.ops, endpoints.eng)
                ]
            except httpx.TransportError:
                return False
            return all(answer.status_code == httpx.codes.OK for answer in answers)

        return await eventually(both, timeout, every=0.1, describe="both services are ready")


def lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_when_it_is_ready_everything_is_where_endpoints_json_says(stack: RunningUp) -> None:
    endpoints = await stack.ready()
    file = stack.data / "endpoints.json"

    written = json.loads(file.read_text())
    assert set(written) == {"ops", "eng", "nats", "postgres", "tokens"}
    assert set(written["tokens"]) == {
        *("tier2", "engineer", "manager", "operator", "auditor", "system"),
    }
    assert file.stat().st_mode & 0o777 == 0o600
    assert len([line for line in stack.lines if line.startswith("ready")]) == 1
    assert await are_ready(endpoints, timeout=0)
    for service in ("ops", "eng"):
        connection = await asyncpg.connect(endpoints.postgres[service])
        assert await connection.fetchval("SELECT current_user") == f"caselog_{service}"
        await connection.close()
    await (await nats.connect(endpoints.nats)).close()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_and_leaves_nothing_running(
    directory: Path, start_up: StartUp, sent: signal.Signals
) -> None:
    running = await start_up()
    await running.ready()
    pids = [part_pid(directory, part) for part in PARTS]

    assert await running.stop(sent) == 0

    assert not any(lives(pid) for pid in pids)
    assert "ended" not in running.output


async def test_a_second_signal_makes_it_hurry(directory: Path, start_up: StartUp) -> None:
    running = await start_up()
    await running.ready()
    pids = [part_pid(directory, part) for part in PARTS]
    os.kill(part_pid(directory, "ops"), signal.SIGSTOP)  # it will never drain

    running.send(signal.SIGTERM)
    await running.says("stopping")
    running.send(signal.SIGTERM)

    assert await running.ended() == 0
    await eventually(lambda: not any(lives(pid) for pid in pids))


async def test_started_again_it_continues_where_it_was_on_other_ports(start_up: StartUp) -> None:
    running = await start_up()
    before = await running.ready()
    key = await open_issue(before)
    await running.stop()

    after = await (await start_up()).ready()

    assert (await as_tier2(after, "GET", f"/issues/{key}"))["key"] == key
    assert await open_issue(after) != key
    assert (before.ops, before.nats) != (after.ops, after.nats)


@pytest.mark.parametrize("before", ["", SURVIVING], ids=["children die too", "children survive"])
async def test_killed_while_it_runs_it_continues(
    directory: Path, start_up: StartUp, before: str
) -> None:
    running = await start_up(before=before)
    key = await open_issue(await running.ready())
    survivors = [part_pid(directory, part) for part in PARTS]
    await running.kill()

    after = await (await start_up()).ready()

    assert (await as_tier2(after, "GET", f"/issues/{key}"))["key"] == key
    assert not any(lives(pid) for pid in survivors)


async def test_killed_at_any_moment_of_its_first_starts_it_comes_up_at_last(
    directory: Path, start_up: StartUp
) -> None:
    moments: list[Callable[[RunningUp], Awaitable[object]]] = [
        lambda up: eventually((directory / "postgres" / "passwords.json").exists),
        lambda up: eventually((directory / "postgres" / "initdb" / "data" / "base").exists),
        lambda up: eventually((directory / "postgres" / "data").exists),
        lambda up: eventually((directory / "postgres" / "port").exists),
        lambda up: eventually((directory / "keys" / "token.key").exists),
        lambda up: up.says("starting NATS"),
        lambda up: up.says("starting Operations"),
        lambda up: eventually((directory / "ops" / "process.lock").exists),
        lambda up: up.ready(),
    ]
    for number, moment in enumerate(moments):
        running = await start_up(before=SURVIVING if number % 2 else "")
        await moment(running)
        await running.kill()

    assert await open_issue(await (await start_up()).ready())


async def test_a_part_that_dies_is_started_again(directory: Path, start_up: StartUp) -> None:
    running = await start_up()
    endpoints = await running.ready()

    for part in PARTS:
        dead = part_pid(directory, part)
        kill_part(directory, part)
        await eventually(lambda: part_pid(directory, part) not in {0, dead}, 60)  # noqa: B023

        assert await are_ready(endpoints), running.output
        assert await open_issue(endpoints)


async def test_a_directory_in_use_is_refused(
    stack: RunningUp, free_port: Callable[[], int]
) -> None:
    second = await RunningUp.start(stack.data, free_port)

    assert await second.ended() == 2
    assert f"{stack.data} is in use by process {stack.process.pid}" in second.output
    assert await are_ready(await stack.ready(), timeout=0)


@pytest.mark.parametrize("option", ["--ops-port", "--eng-port", "--nats-port"])
async def test_a_taken_port_is_named_with_the_option_that_changes_it(
    start_up: StartUp, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = await start_up(f"{option}={port}")

        assert await running.ended() == 2
    assert f"port {port} is taken by another program; choose another one with {option}" in (
        running.output
    )


async def test_ports_that_cannot_be_are_refused(start_up: StartUp) -> None:
    same, none = await asyncio.gather(
        start_up("--ops-port=9001", "--eng-port=9001"), start_up("--nats-port=70000")
    )

    assert (await same.ended(), await none.ended()) == (2, 2)
    assert "each part needs a port of its own" in same.output
    assert "not a port: --nats-port 70000" in none.output

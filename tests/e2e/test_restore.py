"""A service's database is replaced by an older backup while the stack runs.

Nothing that the other service held is lost, and nothing is said twice under one number.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from caselog.embedded import ports
from caselog.endpoints import Service
from shared.eventlog.recovered import LogRecovered
from shared.events.codec import decode_head
from tests.e2e.desk import Desk
from tests.kit.backups import Backups
from tests.kit.command import caselog
from tests.kit.sides import OTHER
from tests.kit.stack import RunningUp, part_pid
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

WORKFLOW = {
    "statuses": ["To Do", "In Progress", "Review", "Done"],
    "default": "To Do",
    "review": "Review",
    "closed": ["Done"],
}
CASE = {"system": "crm", "number": "C-1", "owner": "Uma"}


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[RunningUp]:
    """A stack of this test's own."""
    running = await RunningUp.start(tmp_path / "data", ports.free_port)
    await running.ready()
    yield running
    assert await running.stop() == 0
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
async def people(up: RunningUp) -> AsyncIterator[Desk]:
    desk = Desk(await up.ready())
    yield desk
    await desk.close()


async def entries(desk: Desk, service: Service) -> list[bytes]:
    """A log as it is, every entry."""
    url = f"{desk.endpoints.url(service)}/log?after=0&limit=1000"
    headers = {"Authorization": f"Bearer {desk.endpoints.tokens['auditor']}"}
    async with httpx.AsyncClient() as client:
        answer = await client.get(url, headers=headers)
    return answer.content.splitlines()


async def published(desk: Desk, author: Service, *, holder: Service) -> list[bytes]:
    """What ``author`` published, as it stands in a log."""
    said = [entry for entry in await entries(desk, holder) if b'"sequence":' in entry]
    return [e for e in said if decode_head(e).source == f"/caselog/{author}"]


async def agree(desk: Desk) -> bool:
    """Whether each holds what the other published."""
    for author, holder in OTHER.items():
        said = await published(desk, author, holder=author)
        if said != await published(desk, author, holder=holder):
            return False
    return True


def opening(number: str) -> dict[str, Any]:
    """An event of another system."""
    return {
        "specversion": "1.0",
        "id": f"opened-{number}",
        "source": "/crm/production",
        "type": "caselog.ops.opened.v1",
        "time": "2026-03-02T15:00:00Z",
        "data": {
            "summary": "The app closes",
            "severity": "2 - High",
            "reporter": "Uma",
            "source_case": CASE | {"number": number},
        },
    }


async def publish(desk: Desk, event: dict[str, Any]) -> Any:
    return await desk.ask(
        "POST",
        "ops",
        "/events",
        "system",
        json=event,
        headers={"Content-Type": "application/cloudevents+json"},
    )


async def work(desk: Desk, number: str) -> str:
    """A case from its opening by another system to its review, with private events between."""
    key = str((await publish(desk, opening(number)))["key"])
    await desk.ask("POST", "ops", f"/issues/{key}/acknowledge", json={})
    await desk.ask("POST", "ops", f"/issues/{key}/assign-team", json={"team": "MOB"})
    claim = f"/teams/MOB/ops-issues/{key}"
    claimed = await desk.ask("POST", "eng", f"{claim}/claim", "engineer", json={})
    issue = claimed["key"]
    await desk.ask(
        "POST", "eng", f"/issues/{issue}/move", "engineer", json={"status": "In Progress"}
    )
    await desk.ask("POST", "eng", f"{claim}/send-to-review", "engineer", json={"comment": "Logs?"})
    await eventually(lambda: agree(desk), 30.0)
    await desk.comment(key, "They are attached.")
    await desk.ask("POST", "ops", f"/issues/{key}/take-ownership", json={"assignee": "ada"})
    await eventually(lambda: agree(desk), 30.0)
    return key


async def on_the_board(desk: Desk, key: str) -> list[tuple[str, str, list[str]]]:
    """The engineering issues of a case: key, status, and which cases they serve."""
    found = await desk.ask("GET", "eng", f"/issues?ops_issue={key}")
    return [(each["key"], each["status"], each["ops_issues"]) for each in found["items"]]


async def refused(desk: Desk, service: Service) -> bool:
    """Whether a command is refused because the log was restored."""
    path = "/issues" if service == "ops" else "/teams/PAY"
    body: dict[str, Any] = {"summary": "The app closes", "severity": "2 - High"}
    if service == "eng":
        body = {"name": "Payments", "manager": "Max", "workflow": WORKFLOW}
    async with httpx.AsyncClient() as client:
        try:
            answer = await client.request(
                "POST" if service == "ops" else "PUT",
                f"{desk.endpoints.url(service)}{path}",
                json=body,
                headers={"Authorization": f"Bearer {desk.endpoints.tokens['manager']}"},
            )
        except httpx.TransportError:
            return False
    assert answer.status_code == 503, answer.text
    detail = answer.json()["detail"]
    return "nothing was written" in detail and "was restored" in detail


@pytest.mark.parametrize("service", ["ops", "eng"])
async def test_an_older_database_is_found_out_and_made_whole(
    up: RunningUp, people: Desk, service: Service
) -> None:
    team = {"name": "Mobile", "manager": "Max", "workflow": WORKFLOW}
    await people.ask("PUT", "eng", "/teams/MOB", "manager", json=team)
    await work(people, "C-1")
    backups = Backups(up.data)
    await backups.take(service)
    await eventually(lambda: people.is_ready(service), 30.0)
    later = await work(people, "C-2")
    board = await on_the_board(people, later)
    said = {each: await published(people, each, holder=OTHER[each]) for each in OTHER}

    # While the other one does not answer, the service's own stream says that something is missing.
    os.kill(part_pid(up.data, OTHER[service]), signal.SIGSTOP)
    await backups.restore(service)
    await eventually(lambda: refused(people, service), 60.0)
    assert not await people.is_ready(service)
    os.kill(part_pid(up.data, OTHER[service]), signal.SIGCONT)
    await eventually(lambda: people.is_ready(service), 60.0)
    await eventually(lambda: agree(people), 30.0)

    for author, held in said.items():
        assert (await published(people, author, holder=author))[: len(held)] == held
    (recovered,) = [e for e in await entries(people, service) if LogRecovered.TYPE.encode() in e]
    assert decode_head(recovered).epoch == 2
    assert await eventually(lambda: on_the_board(people, later)) == board
    again = await publish(people, opening("C-2"))
    assert (again["outcome"], again["key"]) == ("duplicate", later)
    third = await work(people, "C-3")
    assert third not in {later, "OPS-1"}
    last = (await published(people, service, holder=OTHER[service]))[-1]
    assert decode_head(last).epoch == 2
    checked = await caselog("verify", "pair", data=up.data)
    assert checked.code == 0, checked

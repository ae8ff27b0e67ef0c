"""Contract §4, §5 and §8: an issue and its history, now and as of the past; logs and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.acceptance.world import Case, Json, Service, World, good, problem

pytestmark = [pytest.mark.integration]

BOTH = pytest.mark.parametrize("name", ["ops", "eng"])
ISSUE_MEMBERS = {
    *("key", "status", "resolution", "summary", "description", "severity", "board", "product"),
    *("reporter", "assignee", "source_case", "teams", "labels", "institutions", "links"),
    *("opened_at", "status_since", "clocks", "version", "position"),
}
ENTRY_MEMBERS = {
    *("position", "service", "version", "id", "type", "actor", "occurred_at", "recorded_at"),
    *("causation_id", "correlation_id", "data", "status_after", "outcome"),
}
STREAM_SECONDS = 10.0


async def lived(world: World) -> tuple[Case, str]:
    team = await world.team()
    case = await world.case(team)
    await case.claimed_by(team)
    await case.tell("add-label", label="vip")
    await case.tell("close", resolution="Done", comment="Verified.")
    return case, team


async def test_an_issue_has_the_members_of_the_contract(world: World) -> None:
    case, team = await lived(world)

    issue = await case.read()

    assert issue.keys() >= ISSUE_MEMBERS
    assert issue["labels"] == ["vip"]
    assert {"team": team, "state": "claimed", "issue": f"{team}-1"}.items() <= issue["teams"][
        0
    ].items()
    last = (await case.history())[-1]
    assert (issue["version"], issue["position"]) == (last["version"], last["position"])


@BOTH
async def test_a_history_entry_has_the_members_of_the_contract(world: World, name: str) -> None:
    case, _ = await lived(world)

    entries = await case.history("ops" if name == "ops" else "eng")

    for entry in entries:
        assert entry.keys() >= ENTRY_MEMBERS
        assert "." not in entry["type"]
    assert {entry["service"] for entry in entries} == {"ops", "eng"}
    assert [entry["version"] for entry in entries] == list(range(1, len(entries) + 1))


async def test_a_history_is_of_both_services_in_the_order_of_the_log(world: World) -> None:
    case, _ = await lived(world)

    entries = await case.history()

    assert [(entry["service"], entry["type"], entry["status_after"]) for entry in entries] == [
        ("ops", "opened", "New"),
        ("ops", "team-assigned", "New"),
        ("eng", "claimed", "Engineering Ownership"),
        ("ops", "status-changed", "Engineering Ownership"),
        ("ops", "label-added", "Engineering Ownership"),
        ("ops", "closed", "Issue is Closed"),
        ("ops", "status-changed", "Issue is Closed"),
    ]
    assert {entry["outcome"] for entry in entries} == {"applied"}


async def test_an_issue_as_of_a_position_or_a_moment(world: World) -> None:
    """By recorded_at, inclusive; a number is a position."""
    case, _ = await lived(world)
    entries = await case.history()

    for entry in entries:
        for as_of in (entry["position"], entry["recorded_at"]):
            then = await case.read(as_of=as_of)
            assert then["status"] == entry["status_after"]
            past = await world.ops.history(case.key, as_of=as_of)
            if as_of == entry["position"]:
                assert then["version"] == entry["version"]
                assert past == entries[: entry["version"]]
            else:
                assert then["version"] >= entry["version"]
                assert past[-1]["recorded_at"] == entry["recorded_at"]


async def test_before_it_was_opened_there_is_no_issue(world: World) -> None:
    case = await world.case()
    opened = (await case.history())[0]

    for as_of in (0, opened["position"] - 1, "2000-01-01T00:00:00Z"):
        for path in (f"/issues/{case.key}", f"/issues/{case.key}/history"):
            problem(await world.ops.ask("GET", path, params={"as_of": as_of}), 404)


async def test_as_of_the_future_is_now(world: World) -> None:
    case = await world.case()

    assert await case.read(as_of="2999-01-01T00:00:00Z") == await case.read()
    assert await case.read(as_of=2**53 - 1) == await case.read()


async def test_an_engineering_issue_as_of_a_past_moment(world: World) -> None:
    issue = await world.own_issue(await world.team())
    await world.move(issue, "In Progress")
    entries = await world.eng.history(issue)

    then = await world.eng.get(f"/issues/{issue}", as_of=entries[0]["position"])

    assert (then["status"], then["version"]) == ("To Do", 1)


@BOTH
async def test_line_n_of_the_log_is_the_entry_at_after_plus_n(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    await lived(world)
    head = int((await service.ask("GET", "/lag", role="auditor")).headers["caselog-position"])

    answer = await service.ask("GET", "/log", params={"after": head - 5, "limit": 3})

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.content.splitlines()]
    assert len(lines) == 3
    everything = await service.log()
    assert answer.content.splitlines() == everything[head - 5 : head - 2]
    for position, line in enumerate(lines, start=head - 4):
        own = line["source"] == f"/caselog/{name}"
        assert not own or line["position"] == position
    assert await service.log(after=2**53 - 1) == []


@BOTH
async def test_nothing_of_the_log_ever_changes(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    before = await service.log()

    await lived(world)

    assert (await service.log())[: len(before)] == before


async def events(service: Service, **parameters: Any) -> AsyncIterator[Json]:
    """What the stream says, one event after the other."""
    token = service.tokens["auditor"]
    async with service.client.stream(
        "GET", "/stream", params=parameters, headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        said: Json = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in {"id", "event", "data"}:
                said[name] = value
            elif not line and said:
                yield said
                said = {}


@BOTH
async def test_the_stream_gives_the_exact_entries_as_they_come(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    before = len(await service.log())
    await lived(world)
    entries = (await service.log())[before:]

    found = []
    async with asyncio.timeout(STREAM_SECONDS):
        async for said in events(service, after=before):
            found.append(said)
            if len(found) == len(entries):
                break

    assert [said["data"].encode() for said in found] == entries
    assert [int(said["id"]) for said in found] == list(range(before + 1, before + 1 + len(found)))
    assert [said["event"] for said in found] == [json.loads(e)["type"] for e in entries]


async def test_the_stream_is_live(world: World) -> None:
    case = await world.case()
    heard: asyncio.Queue[Json] = asyncio.Queue()

    async def listen() -> None:
        async for said in events(world.ops, case=case.key, after=0):
            heard.put_nowait(said)

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            assert (await heard.get())["event"] == "caselog.ops.opened.v1"
            await world.case()  # of another case nothing is said
            await case.tell("add-label", label="vip")
            said = await heard.get()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    assert said["event"] == "caselog.ops.label-added.v1"
    assert json.loads(said["data"])["subject"] == case.key


async def test_a_stream_that_broke_goes_on_where_it_was(world: World) -> None:
    case, _ = await lived(world)
    entries = await case.history()
    headers = {
        "Authorization": f"Bearer {world.endpoints.tokens['auditor']}",
        "Last-Event-ID": str(entries[0]["position"]),
    }

    async with world.ops.client.stream(
        "GET", "/stream", params={"case": case.key}, headers=headers
    ) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                break

    assert line == f"id: {entries[1]['position']}"


@BOTH
async def test_health_metrics_and_documents(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng

    async def open_(path: str) -> httpx.Response:
        answer = await service.client.get(path)
        assert answer.status_code == 200
        return answer

    assert (await open_("/healthz")).json()["status"] == "alive"
    ready = (await open_("/readyz")).json()
    assert ready["status"] == "ready"
    assert set(ready["checks"].values()) == {"ok"}
    assert "caselog_log_position" in (await open_("/metrics")).text
    assert (await open_("/schema/openapi.json")).json()["openapi"].startswith("3.1")
    asyncapi = good(await service.ask("GET", "/asyncapi"))
    assert asyncapi["asyncapi"].startswith("3.")
